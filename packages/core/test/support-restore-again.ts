import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, restore, type RestoreOptions, type RestoreReport } from "@axon-backup/core";
import type { Sink } from "@axon-backup/sink";
import { expect } from "chai";
import { dieAt } from "./support-restore-crash.js";
import { tree } from "./support-restore-files.js";
import type { testSink } from "./support-restore-sink.js";

let dead: string | undefined;

/** Makes the journals that lie in a directory those of a process that is no more. */
export async function bury(target: string): Promise<void> {
  dead ??= execFileSync("sh", ["-c", "echo $$"], { encoding: "utf8" }).trim();
  for (const name of await readdir(target).catch(() => [])) {
    const path = join(target, name, "journal.json");
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text !== undefined && name.startsWith(".axon"))
      await writeFile(path, text.replace(`"pid": ${process.pid}`, `"pid": ${dead}`));
  }
}

/** Restores, and dies before the `at`th operation on files; tells whether it came so far. */
export async function restoreUntil(at: number, options: Omit<RestoreOptions, "name">): Promise<boolean> {
  const revive = await dieAt(at);
  const died = await restore({ ...options, name: "memory" }).then(
    () => false,
    () => true,
  );
  revive();
  await bury(options.target);
  return died;
}

/**
 * Runs a restore again that was killed.
 * @returns undefined if it had been whole, to the last trace of it: then there is nothing to go on with, and a store in the way
 */
export async function again(options: Omit<RestoreOptions, "name">): Promise<RestoreReport | undefined> {
  const names = await readdir(options.target).catch(() => []);
  const traces = names.filter((name) => existsSync(join(options.target, name, "journal.json")));
  try {
    return await restore({ ...options, name: "memory" });
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== "usage" || traces.length > 0) throw error;
    return undefined;
  }
}

/** A sink that counts the objects that are fetched from it, documents aside. */
export function countingSink(inner: ReturnType<typeof testSink>): Sink & { readonly fetched: string[] } {
  const fetched: string[] = [];
  const get: Sink["get"] = (key, options) => {
    if (key.startsWith("contexts/")) fetched.push(key);
    return inner.get(key, options);
  };
  return new Proxy(inner, {
    get: (target, key) =>
      key === "get" ? get : key === "fetched" ? fetched : (Reflect.get(target, key) as unknown),
  }) as unknown as Sink & { readonly fetched: string[] };
}

/** Checks that a directory has exactly these files, and that nothing else is in it. */
export async function expectSame(
  target: string,
  expected: ReadonlyMap<string, Buffer>,
  when = "",
): Promise<void> {
  const files = await tree(target);
  expect([...files.keys()].sort(), when).to.deep.equal([...expected.keys()].sort());
  for (const [path, bytes] of expected)
    expect(files.get(path)?.equals(bytes), `${when}: ${path}`).to.equal(true);
  expect(
    (await readdir(target)).filter((name) => name.startsWith(".")),
    when,
  ).to.deep.equal([]);
}

/** What a restore to an empty directory gives. */
export async function reference(
  target: string,
  options: Omit<RestoreOptions, "name" | "target">,
): Promise<{ readonly files: ReadonlyMap<string, Buffer>; readonly report: RestoreReport }> {
  const report = await restore({ ...options, name: "memory", target });
  return { files: await tree(target), report };
}

/** The inode of each file below a directory, by its path. */
export async function inodes(directory: string): Promise<Map<string, bigint>> {
  const found = new Map<string, bigint>();
  for (const path of (await tree(directory)).keys())
    found.set(path, (await stat(join(directory, path), { bigint: true })).ino);
  return found;
}
