import { pendingWithoutServer } from "@axon-backup/test-servers";
import { Scene, type SceneOptions } from "../scene.js";
import { azure } from "./azure.js";
import { s3 } from "./s3.js";
import { sftp } from "./sftp.js";
import type { Place, Storage, StorageServer } from "./storage.js";

export { azure, s3, sftp };
export { type Place, type Storage, type StorageServer, withSink } from "./storage.js";

/** Every storage over a network that comes with the agent. */
const STORAGES: readonly Storage[] = [s3, azure, sftp];

/** A suite for each storage, with its server started before and ended after the tests. */
export function describeStorages(
  title: string,
  body: (server: () => StorageServer, type: string) => void,
): void {
  for (const storage of STORAGES)
    describe(`${storage.type}: ${title}`, () => {
      let started: StorageServer | undefined;
      before(async function () {
        await pendingWithoutServer(this, storage.server);
        started = await storage.start();
      });
      after(() => started?.close());
      const server = (): StorageServer => {
        if (started === undefined) throw new Error("the server isn't started");
        return started;
      };
      // A suite of its own: of this one's hooks, those that tidy up would run without the others where there is no server.
      describe("with its server", () => {
        body(server, storage.type);
      });
    });
}

/** The name of the sink that is on the storage. */
export const AWAY = "away";

/** A scene whose one sink, `away`, is in a new place of the server. Closed when `use` is done. */
export async function withScene(
  server: StorageServer,
  options: Omit<SceneOptions, "sinks">,
  use: (scene: Scene, place: Place) => Promise<void>,
): Promise<void> {
  const scene = await Scene.open({ ...options, sinks: [] });
  try {
    const place = await server.newPlace(scene.directory);
    scene.writeSink(AWAY, place.yaml());
    await use(scene, place);
  } finally {
    await scene.close();
  }
}
