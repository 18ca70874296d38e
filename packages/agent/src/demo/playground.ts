import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyStore, sampleStore, type Standin, startStandin } from "@axon-backup/axon-server-standin";

/** The context that the sample has. */
export const CONTEXT = "default";

/** A temporary folder with a running stand-in, and a configuration that fits. */
export interface Playground {
  readonly folder: string;
  readonly server: Standin;
  /** The context's directory on the server. */
  readonly store: string;
  /** What stands in `config/`, by file name. */
  readonly configuration: Readonly<Record<string, string>>;
  close(keep: boolean): Promise<void>;
}

/** Sets everything up. What it makes, `close` removes. */
export async function openPlayground(): Promise<Playground> {
  const folder = makeFolder();
  const remove = () => {
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const storage = join(folder, "server", "events");
    const controlDb = join(folder, "server", "controldb-backups");
    copyStore(sampleStore, storage);
    const server = await startStandin({
      generation: "2023.2",
      storage,
      controlDbDirectory: controlDb,
      // As a server does when index files are missing; small ones, because these hold nothing.
      rebuildIndexes: true,
      indexBytes: 16 * 1024,
      // A hundred times as fast as real servers: nobody wants to wait for it.
      handoverInterval: 10,
    });
    const configuration = {
      "agent.yaml": `server:\n  url: ${server.url}\n  storage: [${storage}]\n`,
      "sinks.d/nas.yaml": `type: local\npath: ${join(folder, "nas")}\n`,
    };
    mkdirSync(join(folder, "config", "sinks.d"), { recursive: true });
    for (const [name, content] of Object.entries(configuration))
      writeFileSync(join(folder, "config", name), content);
    const close = async (keep: boolean) => {
      await server.close();
      if (!keep) remove();
    };
    return { folder, server, store: join(storage, CONTEXT), configuration, close };
  } catch (error) {
    remove();
    throw error;
  }
}

function makeFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), "axon-backup-demo-"));
  } catch (error) {
    throw new NoFolder(error);
  }
}

class NoFolder extends Error {
  override readonly name = "NoFolder";
  readonly remedy = "Set TMPDIR to a directory that is there and that you may write to.";

  constructor(cause: unknown) {
    super(`the demo can't make a folder in ${tmpdir()}`, { cause });
  }
}
