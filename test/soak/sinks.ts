import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  azureError,
  type FaultProxy,
  findServer,
  type HttpAnswer,
  type HttpFaultProxy,
  s3Error,
  startFaultProxy,
  startHttpFaultProxy,
} from "@axon-backup/test-servers";
import { azure, s3, sftp, type Place, type Storage, type StorageServer } from "../support/storages/index.js";

/** A storage over a network, and what makes trouble in front of it. */
export interface Remote {
  readonly server: StorageServer;
  readonly place: Place;
  /** Of every connection. */
  readonly proxy: FaultProxy;
  /** Behind it, where HTTP is spoken. */
  readonly http: { readonly proxy: HttpFaultProxy; readonly errors: readonly HttpAnswer[] } | undefined;
}

/** A sink of the soak. */
export interface SoakSink {
  readonly name: string;
  /** Its YAML file's lines. @param way `faulty`: through the proxies, as the service goes; `direct`: without them */
  readonly yaml: (way: "faulty" | "direct") => readonly string[];
  readonly secrets: readonly string[];
  /** Undefined for a directory. */
  readonly remote: Remote | undefined;
  /** Whether its server is there. */
  isUp: boolean;
  /** How often its server went away: a command that saw it change may fail. */
  outages: number;
}

const SERVER_ERRORS: Readonly<Record<string, readonly HttpAnswer[]>> = {
  s3: [
    s3Error(500, "InternalError", "We encountered an internal error. Please try again."),
    s3Error(503, "SlowDown", "Please reduce your request rate."),
  ],
  azure: [
    azureError(
      500,
      "InternalError",
      "Server encountered an internal error. Please try again after some time.",
    ),
    azureError(503, "ServerBusy", "The server is busy."),
  ],
};

/** A directory, and a server of each kind that is installed. The caller closes them. */
export async function startSinks(
  directory: string,
  say: (text: string) => void,
): Promise<readonly SoakSink[]> {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, "local");
  const sinks: SoakSink[] = [
    {
      name: "local",
      yaml: () => ["type: local", `path: ${path}`],
      secrets: [],
      remote: undefined,
      isUp: true,
      outages: 0,
    },
  ];
  try {
    for (const storage of [s3, azure, sftp]) {
      const found = await findServer(storage.server);
      if (found.available) sinks.push(await startRemote(storage, directory));
      else say(`${storage.type} is left out: ${found.reason}. ${found.remedy}`);
    }
  } catch (error) {
    await closeSinks(sinks);
    throw error;
  }
  return sinks;
}

async function startRemote(storage: Storage, directory: string): Promise<SoakSink> {
  const server = await storage.start();
  const place = await server.newPlace(directory);
  const errors = SERVER_ERRORS[storage.type];
  const http =
    errors === undefined ? undefined : { proxy: await startHttpFaultProxy({ target: server }), errors };
  const proxy = await startFaultProxy({ target: http?.proxy ?? server });
  return {
    name: storage.type,
    yaml: (way) => place.yaml(way === "faulty" ? proxy.port : undefined),
    secrets: place.secrets,
    remote: { server, place, proxy, http },
    isUp: true,
    outages: 0,
  };
}

export async function closeSinks(sinks: readonly SoakSink[]): Promise<void> {
  for (const { remote } of sinks) {
    await remote?.proxy.close();
    await remote?.http?.proxy.close();
    await remote?.server.close();
  }
}
