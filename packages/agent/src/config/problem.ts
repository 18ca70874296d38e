/** One thing that is wrong in the configuration. Never holds a value of the file: it could be a secret. */
export interface ConfigurationProblem {
  /** Path of the file or directory. */
  readonly file: string;
  /** From 1; left out when the problem is the file itself. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number;
  /** The path of the key: `server.tls.ca`; "" is the whole file. */
  readonly key: string;
  /** What is wrong, and the nearest right thing: "unknown key; did you mean server.url?" */
  readonly message: string;
  /** Where a plugin failed while it was loaded: for `--verbose`, and for nothing else. */
  readonly stack?: string;
}

/** Everything that is wrong in the configuration, at once. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly problems: readonly ConfigurationProblem[];
  readonly remedy: string;

  constructor(
    problems: readonly ConfigurationProblem[],
    remedy = "Correct the configuration; `axon-backup check` shows whether it is right.",
  ) {
    super(
      problems.length === 1 ? "the configuration is wrong" : "the configuration is wrong in several places",
    );
    this.problems = problems;
    this.remedy = remedy;
  }
}

/** `agent.yaml:3:5: server.urll: unknown key; did you mean server.url?` */
export function problemText(problem: ConfigurationProblem): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== undefined).join(":");
  return [place, problem.key, problem.message].filter((part) => part !== "").join(": ");
}
