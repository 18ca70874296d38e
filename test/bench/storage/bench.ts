import { mkdirSync } from "node:fs";
import { type Contest, Contests } from "../contest.js";
import { describeMachine } from "../machine.js";
import type { BenchOptions, StorageType } from "../options.js";
import { hasProgram, Workshop } from "../workshop.js";
import { azure } from "./azure.js";
import { compare, withServer } from "./compare.js";
import { DATA_SETS } from "./data-sets.js";
import { measureExtend } from "./extend.js";
import { local } from "./local.js";
import type { Storage } from "./model.js";
import type { StorageReport } from "./report.js";
import { countRequests, type Requests } from "./requests.js";
import { compareRestores } from "./restore-alone.js";
import { s3 } from "./s3.js";
import { sftp } from "./sftp.js";

const STORAGES: Readonly<Record<StorageType, Storage>> = { local, s3, azure, sftp };

/** `npm run bench -- STORAGE`. */
export async function benchStorage(
  { storage: type, parts, rounds, directory }: BenchOptions & { readonly storage: StorageType },
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<StorageReport> {
  const storage = STORAGES[type];
  const machine = describeMachine(directory);
  mkdirSync(directory, { recursive: true });
  // The servers keep their files in the temporary directory.
  process.env["TMPDIR"] = directory;
  const notes = [
    ...(storage.leftOut === undefined ? [] : [storage.leftOut]),
    ...["rclone", "restic"]
      .filter((name) => !hasProgram(name, "version"))
      .map((name) => `${name} isn't installed (apt-get install ${name}) and is left out.`),
    ...(type === "sftp" ? ["SFTP's requests aren't counted. scp's peak memory is without ssh's."] : []),
  ];
  for (const note of notes) say(note);
  const workshop = Workshop.open(directory, signal);
  try {
    const contests = new Contests(say, signal);
    const results: Contest[] = [];
    const requests: Record<string, readonly Requests[]> = {};
    for (const set of DATA_SETS.filter(({ part }) => parts.includes(part))) {
      const counts = await countRequests(storage, set, workshop);
      if (counts.some(({ backup }) => Object.keys(backup).length > 0)) requests[set.title] = counts;
      results.push(...(await compare(storage, set, workshop, contests, rounds)));
    }
    const tiny = DATA_SETS.find(({ part }) => part === "tiny");
    if (tiny && parts.includes("tiny-restore"))
      results.push(await compareRestores(storage, tiny, workshop, contests, rounds));
    return {
      storage: type,
      server: await withServer(storage, workshop, ({ description }) => Promise.resolve(description)),
      machine,
      rounds,
      contests: results,
      requests,
      extension: parts.includes("extend") ? await measureExtend(storage, workshop) : undefined,
      notes,
    };
  } finally {
    await workshop.close();
  }
}
