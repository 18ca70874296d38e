import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DemoFailure } from "./failure.js";

/**
 * Flips one bit of a closed segment in a local repository, as a disk might.
 * @returns its key
 */
export function flipBit(repository: string, context: string): string {
  const directory = `contexts/${context}/events`;
  const segments = readdirSync(join(repository, directory))
    .filter((name) => name.endsWith(".events"))
    .sort();
  const name = segments[2];
  if (name === undefined) throw new DemoFailure("there is no closed segment to damage");
  const path = join(repository, directory, name);
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(1000) ^ 0b100, 1000);
  writeFileSync(path, bytes);
  return `${directory}/${name}`;
}
