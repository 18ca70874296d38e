import { isObjectKey } from "@axon-backup/sink";
import type { Stats } from "ssh2";
import { tidyAfterReading } from "./call.js";
import { status, STATUS } from "./errors.js";
import type { Files, OpenFile } from "./files.js";

/** A regular file below the sink's directory. */
export interface FoundFile {
  readonly path: string;
  readonly name: string;
  /** Its path below the sink's directory: not always of the key grammar. */
  readonly key: string;
  readonly stats: Stats;
}

interface OpenDir {
  readonly dir: OpenFile;
  /** What the keys of its files begin with: "" or ending in "/". */
  readonly prefix: string;
  readonly names: { readonly filename: string; readonly attrs: Stats }[];
}

/**
 * Every regular file below the directory `top`. Goes into directories whose names are of the key grammar and that `enter` wants. Holds one open directory
 * a level and what the server gives of its names at once, whatever the number of files.
 */
export async function* walk(
  files: Files,
  top: string,
  prefix: string,
  enter: (key: string) => boolean = () => true,
): AsyncGenerator<FoundFile, void, void> {
  const stack: OpenDir[] = [];
  const push = async (path: string, below: string): Promise<void> => {
    try {
      stack.push({ dir: await files.opendir(path), prefix: below, names: [] });
    } catch (error) {
      // Removed since its name was read, or replaced by an object (OpenSSH says the same of both): then it holds none.
      if (status(error) !== STATUS.noSuchFile) throw error;
    }
  };
  try {
    await push(top, prefix);
    for (let open = stack.at(-1); open !== undefined; open = stack.at(-1)) {
      const entry = open.names.shift();
      if (entry === undefined) {
        const more = await files.readdir(open.dir);
        if (more !== undefined) open.names.push(...more);
        else {
          stack.pop();
          await files.close(open.dir);
        }
        continue;
      }
      const { filename: name, attrs: stats } = entry;
      const [key, path] = [open.prefix + name, `${open.dir.path}/${name}`];
      if (stats.isDirectory() && isObjectKey(key) && enter(key)) await push(path, `${key}/`);
      else if (stats.isFile()) yield { path, name, key, stats };
    }
  } finally {
    if (stack.length > 0)
      await tidyAfterReading(files, (steady) => Promise.all(stack.map(({ dir }) => steady.close(dir))));
  }
}
