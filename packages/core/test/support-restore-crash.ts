import fs from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const CHANGING = ["copyFile", "link", "mkdir", "open", "rename", "rm", "rmdir", "unlink"] as const;
const ON_HANDLES = ["write", "writeFile", "truncate", "sync"] as const;

/**
 * Makes every operation on files from the `at`th on fail, as if the process were not there any more: nothing can be changed, and nothing be cleared
 * up either. Returns what lifts it and tells how many operations there were.
 */
export async function dieAt(at: number): Promise<() => number> {
  let count = 0;
  const restores: (() => void)[] = [];
  const replace = (object: object, name: string): void => {
    const original = Reflect.get(object, name) as (...args: unknown[]) => unknown;
    const dying = function (this: unknown, ...args: unknown[]): unknown {
      return ++count >= at ? Promise.reject(new Error("this process is dead")) : original.apply(this, args);
    };
    Reflect.set(object, name, dying);
    restores.push(() => {
      Reflect.set(object, name, original);
    });
  };
  const handle = await open("/dev/null", "r");
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  for (const name of CHANGING) replace(fs.promises, name);
  for (const name of ON_HANDLES) replace(prototype, name);
  syncBuiltinESMExports();
  return () => {
    for (const restore of restores) restore();
    syncBuiltinESMExports();
    return count;
  };
}
