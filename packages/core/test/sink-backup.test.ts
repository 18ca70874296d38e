import { type Sink, SINK_METHODS } from "@axon-backup/sink";
import { type Fault, faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { DEFAULT_POLICY, type RetryEvent, verify, wrapSink } from "../dist/index.js";
import { BackupScene } from "./backup-scene.js";

const policy = { ...DEFAULT_POLICY, retries: { elapsed: 60_000, attempts: 3, base: 1, cap: 1 } };

describe("a backup over a wrapped sink", () => {
  const faults: readonly (readonly [what: string, fault: Fault])[] = [
    ["before it has done anything", { kind: "fail", error: "transient" }],
    ["after it has done it", { kind: "fail-after-effect", error: "transient" }],
    ["in its middle", { kind: "fail-after", count: 20, error: "transient" }],
  ];
  for (const [what, fault] of faults)
    for (const connections of [1, 4])
      it(`commits at the first try though every call fails once, ${what} (connections: ${connections})`, async function () {
        this.timeout(30_000);
        const scene = new BackupScene("young");
        try {
          for (let run = 0; run < 2; run++) {
            const faulty = faultySink(scene.sink);
            for (const method of SINK_METHODS)
              if (method !== "close")
                for (let call = 0; call < 200; call++) faulty.script(method, fault, { kind: "pass" });
            const told: RetryEvent[] = [];
            const sink: Sink = wrapSink<Sink>(
              faulty,
              { ...policy, connections },
              { onRetry: (event) => told.push(event) },
            );
            await scene.commit(sink, { checkpointInterval: 0 });
            expect(told.length).to.be.greaterThan(20);
            const { findings } = await verify({ sink, name: "memory", readData: true, mark: false });
            expect(findings).to.deep.equal([]);
            scene.grow();
          }
          await scene.verifyAll();
          expect(await scene.restorePoints()).to.equal(2);
        } finally {
          scene.close();
        }
      });
});
