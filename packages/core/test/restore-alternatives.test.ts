import { join } from "node:path";
import { restore, type RestoreOptions } from "@axon-backup/core";
import type { Token } from "@axon-backup/axon-server";
import { expect } from "chai";
import { fixture, pointId, stateAt, storeRestorePoint } from "./support-restore.js";
import { rejection } from "./support-restore-errors.js";
import { scratch } from "./support-restore-files.js";
import { tamper, testSink } from "./support-restore-sink.js";

describe("what a restore that fails names instead", function () {
  this.timeout(60_000);
  let directory: ReturnType<typeof scratch>;
  let sink: ReturnType<typeof testSink>;
  before(() => (directory = scratch("memory")));
  after(() => {
    directory.remove();
  });
  beforeEach(async () => {
    sink = testSink();
    const state = await fixture("4.6");
    for (const [number, token] of [60, 100, 140].entries())
      await storeRestorePoint(sink, pointId(number), stateAt(state, token, 20));
  });

  async function remedy(options: Partial<RestoreOptions> = {}): Promise<string> {
    const error = await rejection(
      restore({ sink, name: "memory", target: join(directory.path, "target"), ...options }),
    );
    expect(error).to.include({ kind: "damage" });
    return (error as Error & { remedy: string }).remedy;
  }
  const damage = (key: string): void => {
    tamper(sink.memory, key, (bytes) => bytes.subarray(1));
  };

  it("of a damaged newest manifest, the newest restore point that can be read", async () => {
    damage(`restore-points/${pointId(2)}.json`);
    expect(await remedy()).to.include(`--restore-point ${pointId(1)}`);
    damage(`restore-points/${pointId(1)}.json`);
    expect(await remedy()).to.include(`--restore-point ${pointId(0)}`);
  });

  it("of the closest control DB, a later restore point that has the same, and the moment", async () => {
    damage(`controldb/${pointId(0)}.zip`);
    const token = 50 as Token;
    const told = await remedy({ token });
    expect(told)
      .to.include(`--restore-point ${pointId(1)} --token 50`)
      .and.not.include("next backup");
    await restore({
      sink,
      name: "memory",
      target: join(directory.path, "other"),
      token,
      restorePoint: pointId(1),
    });
    damage(`controldb/${pointId(1)}.zip`);
    expect(await remedy({ token, exclusive: true })).to.include(
      `--restore-point ${pointId(2)} --token 50 --exclusive`,
    );
  });

  it("of the newest control DB, the restore point before", async () => {
    damage(`controldb/${pointId(2)}.zip`);
    expect(await remedy()).to.include(`--restore-point ${pointId(1)}\``);
  });
});
