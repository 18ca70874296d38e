import { createWriteStream, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";

import { ZipFile } from "yazl";

/** The one entry of a control DB backup. */
export const CONTROL_DB_ENTRY = "axonserver-controldb.mv.db";

/** The control DB backup of the sample: made by a real 2023.2. */
export const SAMPLE_CONTROL_DB = fileURLToPath(new URL("../sample/controldb.zip", import.meta.url));

/** Writes a new control DB backup, and resolves with its name: `controldb<epochMillis>.zip`, of a millisecond that no other one has. */
export async function writeControlDbBackup(directory: string, now: number): Promise<string> {
  mkdirSync(directory, { recursive: true });
  let time = now;
  while (existsSync(join(directory, `controldb${time}.zip`))) time += 1;
  const name = `controldb${time}.zip`;
  // Opened before anything is waited for: the name is taken from here on.
  const path = join(directory, name);
  const file = createWriteStream(path, { fd: openSync(path, "wx") });
  const zip = new ZipFile();
  zip.addBuffer(sampleDatabase(), CONTROL_DB_ENTRY, { mtime: new Date(now) });
  zip.end();
  await pipeline(zip.outputStream, file);
  return name;
}

/** The database of the sample. Its zip has one entry, so that the end and the central directory needn't be searched through. */
function sampleDatabase(): Buffer {
  const zip = readFileSync(SAMPLE_CONTROL_DB);
  const directory = zip.readUInt32LE(zip.byteLength - 22 + 16);
  const size = zip.readUInt32LE(directory + 20);
  const header = zip.readUInt32LE(directory + 42);
  const data = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
  return inflateRawSync(zip.subarray(data, data + size));
}
