import { spawnSync } from "node:child_process";

/** Ends a test as pending, with the reason and the remedy in its title. */
export function pending(context: Mocha.Context, reason: string): never {
  if (context.test) context.test.title += ` (${reason})`;
  context.skip();
}

/** Ends a test as pending unless the programs are there with which a page restores by hand. */
export function requirePrograms(context: Mocha.Context): void {
  for (const program of ["jq", "unzip", "sha256sum"])
    if (spawnSync(program, ["--help"], { stdio: "ignore" }).error)
      pending(context, `needs ${program}: apt-get install ${program}`);
}
