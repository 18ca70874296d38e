import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ServerSource } from "@axon-backup/axon-server";
import type { Sink } from "@axon-backup/sink";
import { memorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import fc from "fast-check";
import { backup, DEFAULT_POLICY, type NamedSink, wrapSink } from "../dist/index.js";
import { atOnce } from "../dist/at-once.js";
import { BackupScene } from "./backup-scene.js";

describe("how many objects a backup has under way", () => {
  it("is the sink's connections, with bounds for large ones", () => {
    expect(atOnce()).to.deep.equal({ all: 16, large: 4 });
    expect(atOnce(1)).to.deep.equal({ all: 1, large: 1 });
    expect(atOnce(2)).to.deep.equal({ all: 2, large: 2 });
    expect(atOnce(12)).to.deep.equal({ all: 12, large: 4 });
    expect(atOnce(32)).to.deep.equal({ all: 32, large: 8 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), (connections) => {
        const { all, large } = atOnce(connections);
        return all === connections && large >= 1 && large <= Math.min(16, connections);
      }),
    );
  });

  describe("in a run", () => {
    let scene: BackupScene;
    beforeEach(() => {
      scene = new BackupScene();
      // Enough small files that all connections can be busy.
      const [index] = readdirSync(scene.store).filter((name) => name.endsWith(".nindex"));
      for (let n = 0; n < 60 && index !== undefined; n++)
        cpSync(join(scene.store, index), join(scene.store, `${String(n).padStart(20, "0")}.bloom`));
    });
    afterEach(() => {
      scene.close();
    });

    /** The most server's files that were open, and puts that ran, at the same time. */
    async function mostAtOnce(
      connections: number,
    ): Promise<{ readonly files: number; readonly puts: number }> {
      const [files, puts] = [counter(), counter()];
      const source: ServerSource = scene.source;
      const counted: ServerSource = {
        identify: (signal) => source.identify(signal),
        createControlDbBackup: (signal) => source.createControlDbBackup(signal),
        list: (...given) => source.list(...given),
        measure: (...given) => source.measure(...given),
        close: () => source.close(),
        open: async (file) => {
          const handle = await source.open(file);
          files.begin();
          return {
            size: handle.size,
            read: (buffer, position) => handle.read(buffer, position),
            close: async () => {
              files.end();
              await handle.close();
            },
          };
        },
      };
      const inner = memorySink();
      const slow: Sink = {
        put: async (...given) => {
          puts.begin();
          // Turns of the event loop, as many as others may need to come here, too.
          for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
          try {
            return await inner.put(...given);
          } finally {
            puts.end();
          }
        },
        get: (...given) => inner.get(...given),
        stat: (...given) => inner.stat(...given),
        list: (...given) => inner.list(...given),
        delete: (...given) => inner.delete(...given),
        close: () => inner.close(),
      };
      const named: NamedSink = {
        name: "memory",
        connections,
        open: () => Promise.resolve(wrapSink(slow, { ...DEFAULT_POLICY, connections })),
      };
      const { sinks } = await backup({ source: counted, sinks: [named], agent: "0.1.0" });
      for (const report of sinks) if (report.outcome === "failed") throw report.error;
      return { files: files.most, puts: puts.most };
    }

    it("no file is open that waits for a connection", async () => {
      expect(await mostAtOnce(2)).to.deep.equal({ files: 2, puts: 2 });
    });

    it("more connections than 16 are used", async () => {
      const { files, puts } = await mostAtOnce(32);
      expect(puts).to.be.above(16).and.at.most(32);
      expect(files).to.be.at.most(32);
    });
  });
});

function counter() {
  let now = 0;
  return {
    most: 0,
    begin() {
      this.most = Math.max(this.most, ++now);
    },
    end() {
      now--;
    },
  };
}
