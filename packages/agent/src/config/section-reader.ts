import type { ConfigurationProblem } from "./problem.js";
import type { YamlFile } from "./yaml-file.js";

/** Reads the values of one section that its schema can't check to the end; what is wrong is collected, with the place where it stands. */
export class SectionReader {
  constructor(
    private readonly file: YamlFile,
    private readonly path: readonly string[],
    private readonly problems: ConfigurationProblem[],
  ) {}

  /** The section inside of this one. */
  section(key: string): SectionReader {
    return new SectionReader(this.file, [...this.path, key], this.problems);
  }

  /** `parse(text)`; undefined without a text, or when it is wrong, which has been told then. `parse` throws errors whose messages hold no value. */
  read<T>(key: string, text: string | undefined, parse: (text: string) => T): T | undefined {
    if (text === undefined) return undefined;
    try {
      return parse(text);
    } catch (error) {
      this.complain(key, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  /** @param key "" for the section itself */
  complain(key: string, message: string): void {
    const path = key === "" ? this.path : [...this.path, key];
    this.problems.push({
      file: this.file.path,
      ...this.file.position(path, "value"),
      key: path.join("."),
      message,
    });
  }
}
