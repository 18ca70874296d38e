import type { ControlDbFile } from "@axon-backup/axon-server";
import { SinkError } from "@axon-backup/sink";
import { faultySink, memorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import type { EngineEvent } from "../dist/index.js";
import { BackupScene } from "./backup-scene.js";
import { DirectorySource } from "./directory-source.js";
import { isPut } from "./sink-support.js";

/** A source that lets its control DB backups be removed, and notes which, and what was stored by then. */
class RemovingSource extends DirectorySource {
  readonly removed: ControlDbFile[] = [];
  onRemove: () => void = () => undefined;

  removeControlDbBackup(file: ControlDbFile): Promise<void> {
    this.onRemove();
    this.removed.push(file);
    return Promise.resolve();
  }
}

describe("a backup that removes the control DB's zip on the server", () => {
  let scene: BackupScene;
  let source: RemovingSource;
  const options = () => ({ source, removeControlDbZip: true });

  beforeEach(() => {
    scene = new BackupScene();
    source = new RemovingSource(scene.store, scene.source.controlDb, { events: 152, snapshots: 0 });
  });
  afterEach(() => {
    scene.close();
  });

  it("removes it once, when it is stored on every sink", async () => {
    const other = memorySink();
    let stored = 0;
    source.onRemove = () => {
      for (const { storage } of [scene.sink, other])
        stored += [...storage.keys()].filter((key) => key.startsWith("restore-points/")).length;
    };
    await scene.runAll([scene.sink, other], options());
    expect(source.removed.map(({ path }) => path)).to.deep.equal([source.controlDb]);
    expect(stored).to.equal(2);
  });

  it("leaves it when one sink failed, and when nobody has asked for it", async () => {
    const onCall = (method: string): void => {
      if (isPut(method)) throw new SinkError("full", "no space left");
    };
    const full = faultySink(memorySink(), {}, { onCall });
    const { sinks } = await scene.runAll([scene.sink, full], options());
    expect(sinks.map(({ outcome }) => outcome)).to.deep.equal(["committed", "failed"]);
    await scene.runAll([scene.sink], { source });
    expect(source.removed).to.deep.equal([]);
  });

  it("warns when it can't, and the restore point stands", async () => {
    source.onRemove = () => {
      throw new Error("permission denied");
    };
    const warnings: string[] = [];
    const observer = (event: EngineEvent): void => {
      if (event.kind === "warning") warnings.push(event.message);
    };
    await scene.commit(scene.sink, { ...options(), observer });
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.contain("stays on the server: permission denied");
    await scene.verifyAll();
  });
});
