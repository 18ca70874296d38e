import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Done, repositoryRoot, run } from "./packages.js";
import { pending } from "./pending.js";

/** What `npm run package` makes. */
export interface Product {
  readonly npm: string;
  readonly deb: string;
}

let made: Promise<Product> | undefined;

/** Both packages, made once for all tests. */
export function product(): Promise<Product> {
  made ??= makeProduct();
  return made;
}

async function makeProduct(): Promise<Product> {
  const to = mkdtempSync(join(tmpdir(), "axon-backup-product-"));
  process.once("exit", () => {
    rmSync(to, { recursive: true, force: true });
  });
  return packageTo(to);
}

/** Makes both packages of the checkout as it is built. */
export async function packageTo(to: string, umask = "022"): Promise<Product> {
  const script = join(repositoryRoot, "scripts/package.mjs");
  const { stdout } = await succeed("sh", [
    "-c",
    `umask ${umask} && exec "$@"`,
    "sh",
    process.execPath,
    script,
    "--as-built",
    "--to",
    to,
  ]);
  const [npm = "", deb = ""] = stdout.trim().split("\n");
  return { npm, deb };
}

/** Runs a command to its end. @throws Error with everything that it said, if that isn't success */
export async function succeed(command: string, args: readonly string[], cwd = tmpdir()): Promise<Done> {
  const done = await run(command, args, cwd);
  if (done.code !== 0)
    throw new Error(
      `${command} ${args.join(" ")} ended with ${done.code ?? "?"}\n${done.stdout}\n${done.stderr}`,
    );
  return done;
}

/** Ends a test as pending where these programs can't be had. */
export function requireTools(context: Mocha.Context, tools: Readonly<Record<string, string>>): void {
  for (const [tool, from] of Object.entries(tools))
    if (spawnSync(tool, ["--version"], { stdio: "ignore" }).error)
      pending(context, `needs ${tool}: apt-get install ${from}`);
}

/** Ends a test as pending unless it runs as root. */
export function requireRoot(context: Mocha.Context, why: string): void {
  if (process.getuid?.() !== 0) pending(context, `${why}: run the tests as root`);
}

/** An empty root file system that dpkg can install into. */
export function emptyRoot(directory: string): string {
  for (const folder of ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "etc"])
    mkdirSync(join(directory, folder), { recursive: true });
  for (const file of ["status", "available"]) writeFileSync(join(directory, "var/lib/dpkg", file), "");
  return directory;
}

/** dpkg, for a root file system of its own: its scripts run here, and change what is there. Dependencies aren't asked for. */
export function dpkg(root: string, ...args: readonly string[]): Promise<Done> {
  return succeed("dpkg", [`--root=${root}`, "--force-script-chrootless", "--force-depends", ...args]);
}
