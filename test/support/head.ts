import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  parseStoreFileName,
  SegmentScanner,
  STORE_KINDS,
  type StoreKind,
  type Token,
} from "@axon-backup/axon-server";
import {
  type HeadContext,
  type HeadStore,
  nextRestorePointId,
  type OpenSegment,
  Repository,
  type RestorePointId,
} from "@axon-backup/core";
import { bytesSource, objectKey } from "@axon-backup/sink";
import { plugin } from "@axon-backup/sink-local";

/** Where two pieces begin that have these bytes; none for nothing. */
function inTwo(from: number, to: number): number[] {
  if (to === from) return [];
  const middle = Math.ceil((from + to) / 2);
  return middle === to ? [from] : [from, middle];
}

/**
 * Stores on a local sink what a server's files have beyond the newest restore point, and the head that tells of it, as docs/repository-format.md has it: contexts in their first timeline alone. What a restore point
 * has a beginning of goes on in pieces.
 * @returns the head's id
 */
export async function storeHeadAt(path: string, storage: string): Promise<RestorePointId> {
  const sink = await plugin.open({ path }, { name: "sink", purpose: "write" });
  try {
    const repository = await Repository.open(sink);
    const newest = (await repository?.restorePoints())?.at(-1);
    if (repository === undefined || newest === undefined) throw new Error("there is no restore point");
    const base = await repository.manifest(newest);
    const contexts: HeadContext[] = [];
    for (const { name, timeline, ...context } of base.contexts) {
      const stores = {} as Record<StoreKind, HeadStore>;
      for (const store of STORE_KINDS) {
        const closed = new Set((await repository.closedFiles(context[store])).map((file) => file.name));
        const open: OpenSegment[] = [];
        for (const file of readdirSync(join(storage, name)).sort()) {
          const parsed = parseStoreFileName(file, store);
          if (parsed?.kind !== "segment" || closed.has(file)) continue;
          const bytes = readFileSync(join(storage, name, file));
          const scanner = new SegmentScanner({ segment: parsed.segment });
          scanner.push(bytes);
          const { state, validBytes, nextToken } = scanner.end();
          const content = bytes.subarray(0, validBytes);
          const recorded = context[store].open.find((other) => other.name === file)?.validBytes ?? validBytes;
          await sink.put(
            objectKey(`contexts/${name}/${store}/${file}`),
            bytesSource(content.subarray(0, recorded)),
          );
          const pieces = inTwo(recorded, validBytes);
          for (const [index, at] of pieces.entries())
            await sink.put(
              objectKey(`pieces/${name}/${store}/${file}/${at}`),
              bytesSource(content.subarray(at, pieces[index + 1])),
            );
          const sha256 = createHash("sha256").update(content).digest("hex");
          open.push({
            name: file,
            validBytes,
            sha256,
            length: bytes.length,
            nextToken,
            complete: state === "closed",
            ...(pieces.length > 0 && { pieces }),
          });
        }
        stores[store] = { nextToken: open.at(-1)?.nextToken ?? (0 as Token), open };
      }
      contexts.push({ name, timeline, ...stores });
    }
    const now = new Date();
    const id = nextRestorePointId(now, newest);
    const time = now.toISOString();
    const { repository: of, server } = base;
    await repository.writeHead({
      id,
      repository: of,
      restorePoint: newest,
      started: time,
      finished: time,
      agent: "test",
      server,
      contexts,
    });
    return id;
  } finally {
    await sink.close();
  }
}
