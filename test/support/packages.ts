import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const repositoryRoot = fileURLToPath(new URL("../../../", import.meta.url));

interface PackageJson {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** The workspaces that packages need, themselves included: by name, with their folders. */
export function workspacesOf(names: readonly string[]): ReadonlyMap<string, string> {
  const all = new Map<string, { folder: string; description: PackageJson }>();
  for (const group of ["packages", "plugins"])
    for (const name of readdirSync(join(repositoryRoot, group))) {
      const folder = join(repositoryRoot, group, name);
      const description = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as PackageJson;
      all.set(description.name, { folder, description });
    }
  const needed = new Map<string, string>();
  const add = (name: string): void => {
    const found = all.get(name);
    if (found === undefined || needed.has(name)) return;
    needed.set(name, found.folder);
    Object.keys(found.description.dependencies ?? {}).forEach(add);
  };
  names.forEach(add);
  return needed;
}

/** What a command left behind. */
export interface Done {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export function run(command: string, args: readonly string[], cwd: string): Promise<Done> {
  const child = spawn(command, args, { cwd, env: environment(), stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}

/** Without what npm tells the scripts that it runs: `npm test` must not change what `npm install` does. */
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^npm_(config|package|lifecycle)_/i.test(name));
  return { ...Object.fromEntries(own), NO_COLOR: "1" };
}

/** Packs the workspaces as `npm publish` would. @returns the archives, by package */
export async function pack(
  workspaces: ReadonlyMap<string, string>,
  to: string,
): Promise<ReadonlyMap<string, string>> {
  const { code, stdout, stderr } = await run(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", to, ...workspaces.values()],
    repositoryRoot,
  );
  if (code !== 0) throw new Error(`npm pack failed\n${stderr}`);
  const packed = JSON.parse(stdout) as
    | readonly { name: string; filename: string }[]
    | Readonly<Record<string, { name: string; filename: string }>>;
  return new Map(Object.values(packed).map(({ name, filename }) => [name, join(to, filename)]));
}

/** What npm says when the registry, or a package that isn't in its cache, can't be had. */
const UNREACHABLE =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT/;

/** `npm install`, from npm's cache where it can. @returns why the registry can't be had, if it can't */
export async function install(args: readonly string[], cwd: string): Promise<string | undefined> {
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error", "--fetch-retries=1"];
  const { code, stdout, stderr } = await run("npm", ["install", ...quiet, ...args], cwd);
  if (code === 0) return undefined;
  const reason = UNREACHABLE.exec(stdout + stderr)?.[0];
  if (reason !== undefined) return reason;
  throw new Error(`npm install ${args.join(" ")} failed\n${stdout}\n${stderr}`);
}
