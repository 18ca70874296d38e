import { join } from "node:path";
import { mkdirSync } from "node:fs";
import { objectKey, readAll } from "@axon-backup/sink";
import { azure } from "../storage/azure.js";
import { local } from "../storage/local.js";
import type { Place, Storage, StorageServer } from "../storage/model.js";
import { s3 } from "../storage/s3.js";
import { sftp } from "../storage/sftp.js";
import type { StorageType } from "../options.js";

/** A sink that is followed, and what it is on. */
export interface Followed {
  readonly type: StorageType;
  readonly server: StorageServer;
  readonly place: Place;
  /** The file of `head.json`, where the server keeps objects as files; undefined where it has to be asked for. */
  readonly headFile: string | undefined;
}

const STORAGES: readonly Storage[] = [local, s3, azure, sftp];

/** Starts a server of each kind. The caller closes them. */
export async function startSinks(directory: string): Promise<readonly Followed[]> {
  mkdirSync(directory, { recursive: true });
  const started: Followed[] = [];
  try {
    for (const storage of STORAGES) {
      const server = await storage.start(directory);
      // Of its own for each: files with secrets are named by it.
      const name = `continuous-${storage.type}`;
      const place = await server.newPlace(name);
      const headFile = storage.type === "azure" ? undefined : join(server.directory, name, "head.json");
      started.push({ type: storage.type, server, place, headFile });
    }
  } catch (error) {
    await closeSinks(started);
    throw error;
  }
  return started;
}

export async function closeSinks(sinks: readonly Followed[]): Promise<void> {
  for (const { server } of sinks) await server.close();
}

/** The token after the last event of the context `default` that a head has. */
export function nextTokenIn(head: Uint8Array): number | undefined {
  const { body } = JSON.parse(Buffer.from(head).toString("utf8")) as {
    readonly body: {
      readonly contexts: readonly {
        readonly name: string;
        readonly events: { readonly nextToken: number };
      }[];
    };
  };
  return body.contexts.find(({ name }) => name === "default")?.events.nextToken;
}

/** Reads heads through a sink. */
export async function headReader(
  place: Pick<Place, "open">,
): Promise<{ readonly read: () => Promise<Uint8Array>; readonly close: () => Promise<void> }> {
  const sink = await place.open("read");
  return { read: () => readAll(sink.get(objectKey("head.json"))), close: () => sink.close() };
}
