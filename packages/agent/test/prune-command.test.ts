import {
  EngineError,
  type NamedSink,
  type PruneOptions,
  type PruneReport,
  restorePointId,
} from "@axon-backup/core";
import { objectKey, SinkError } from "@axon-backup/sink";
import { expect } from "chai";
import { PruneCommand } from "../dist/commands/prune.js";
import { EXIT_CODES } from "../dist/exit-codes.js";
import { fakeContainer, memorySink } from "./fakes.js";

const key = objectKey("controldb/20261124T055901.123Z.zip");
const object = {
  key,
  kind: "control-db",
  bytes: 2048,
  reason: "of restore point 20261124T055901.123Z, which goes",
} as const;
const REPORT: PruneReport = {
  dryRun: false,
  restorePoints: [],
  broken: [],
  removed: [],
  failed: [],
  notTried: 0,
  waiting: [],
  unknown: { objects: 0, examples: [] },
};

describe("prune, the command", () => {
  const opened: string[] = [];
  const sinkNamed = (name: string): NamedSink => ({
    name,
    open: (purpose) => {
      opened.push(`${name} ${purpose}`);
      return Promise.resolve(memorySink(new Map([["repository.json", Buffer.of()]])));
    },
  });
  beforeEach(() => opened.splice(0));

  async function run(
    outcomes: readonly (Partial<PruneReport> | Error)[],
    { dryRun = false, empty = false } = {},
  ) {
    const left = [...outcomes];
    const asked: PruneOptions[] = [];
    const { container, stdout, stderr } = fakeContainer(
      outcomes.map((_, index) => sinkNamed(`sink${index}`)),
      {
        openRepository: () => Promise.resolve(empty ? undefined : ({} as never)),
        prune: (options) => {
          asked.push(options);
          const outcome = left.shift();
          return outcome instanceof Error
            ? Promise.reject(outcome)
            : Promise.resolve({ ...REPORT, ...outcome });
        },
      },
    );
    const code = await container.resolve(PruneCommand).run({ sinks: [], dryRun });
    return { code, stdout: stdout.text, stderr: stderr.text, asked };
  }

  it("5 when a restore point stays that can't be restored, though the rest was removed", async () => {
    const broken = [
      {
        id: restorePointId("20261124T055901.123Z"),
        problem: "controldb/20261124T055901.123Z.zip is missing",
      },
    ];
    const { code, stdout, stderr } = await run([{ broken, removed: [object] }]);
    expect(code).to.equal(EXIT_CODES.damage);
    expect(stdout).to.include("freed");
    expect(stderr).to.include("20261124T055901.123Z.zip is missing").and.include("run one, then");
  });

  it("succeeds, and says what is freed", async () => {
    const { code, stdout } = await run([{ removed: [object] }]);
    expect(code).to.equal(EXIT_CODES.ok);
    expect(stdout).to.include("1 object of 2.0 KiB freed").and.to.include("no retention is configured");
  });

  it("opens a sink for writing only when there is something, and it isn't a dry run", async () => {
    await run([{}]);
    expect(opened).to.deep.equal(["sink0 read", "sink0 write"]);
    for (const options of [{ dryRun: true }, { empty: true }]) {
      opened.splice(0);
      const { asked } = await run([{}], options);
      expect(opened).to.deep.equal(["sink0 read"]);
      expect(asked[0]?.dryRun).to.equal(true);
    }
  });

  it("fails when the storage kept something, with its reason and remedy", async () => {
    const error = new SinkError("denied", `delete ${key}: a lock protects it`, { remedy: "Wait." });
    const { code, stdout, stderr } = await run([{ failed: [{ ...object, error }], notTried: 7 }]);
    expect(code).to.equal(EXIT_CODES.failed);
    expect(stdout).to.include(`${key}: delete ${key}: a lock protects it`).and.to.include("7 objects more");
    expect(stderr)
      .to.include("1 object could not be removed, and 7 more were not tried")
      .and.to.include("Wait.");
  });

  it("ends with 4 when one of several fails, with 5 for damage, with 6 for a lock", async () => {
    const locked = new EngineError("locked", "another backup", "Wait.");
    const damage = new EngineError("damage", "a page", "Mend.");
    expect((await run([{}, locked])).code).to.equal(EXIT_CODES.partial);
    expect((await run([locked, locked])).code).to.equal(EXIT_CODES.locked);
    expect((await run([{}, damage])).code).to.equal(EXIT_CODES.damage);
    expect((await run([damage])).code).to.equal(EXIT_CODES.damage);
  });

  it("a dry run names each object, and why", async () => {
    const { stdout } = await run(
      [
        {
          removed: [object],
          waiting: [{ ...object, reason: "it is too young to be certainly of no run" }],
          unknown: { objects: 9, examples: [objectKey("holiday.jpg")] },
        },
      ],
      { dryRun: true },
    );
    expect(stdout)
      .to.include(`${key}  2.0 KiB  of restore point 20261124T055901.123Z, which goes`)
      .and.to.include("too young")
      .and.to.include("9 objects of others left alone: holiday.jpg, …")
      .and.to.include("would be freed");
  });
});
