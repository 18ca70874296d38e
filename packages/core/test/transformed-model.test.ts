import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseStoreFileName } from "@axon-backup/axon-server";
import { readSegment, type Transformation } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import fc from "fast-check";
import { prune, Repository, restore, type RestorePointId, verify } from "../dist/index.js";
import { FollowScene } from "./follow-scene.js";
import { age } from "./prune-scene.js";

type Step =
  | { readonly kind: "append"; readonly count: number }
  | { readonly kind: "hand-over" }
  /** Begins one, if none is being applied. At these places among the events of closed segments. */
  | { readonly kind: "transform"; readonly at: readonly number[] }
  | { readonly kind: "apply-next" }
  | { readonly kind: "compact" }
  | { readonly kind: "follow" }
  | { readonly kind: "backup" };

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("append"), count: fc.integer({ min: 1, max: 20 }) }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "hand-over" } as const) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("transform"),
      at: fc.array(place, { minLength: 1, maxLength: 6, size: "max" }),
    }),
  },
  { weight: 5, arbitrary: fc.constant({ kind: "apply-next" } as const) },
  { weight: 2, arbitrary: fc.constant({ kind: "compact" } as const) },
  { weight: 2, arbitrary: fc.constant({ kind: "follow" } as const) },
  { weight: 5, arbitrary: fc.constant({ kind: "backup" } as const) },
);

/** Segments by name, each up to its valid end. */
type Served = ReadonlyMap<string, string>;

/** What a server serves that has these files: each segment in its newest version. */
function servedBy(directory: string): Served {
  const newest = new Map<
    string,
    { readonly version: number; readonly name: string; readonly content: string }
  >();
  for (const name of readdirSync(directory)) {
    const parsed = parseStoreFileName(name, name.endsWith("snapshots") ? "snapshots" : "events");
    if (parsed?.kind !== "segment") continue;
    const id = `${parsed.store} ${parsed.segment}`;
    if (parsed.version < (newest.get(id)?.version ?? 0)) continue;
    const path = join(directory, name);
    const { end } = readSegment(path, parsed.segment);
    newest.set(id, { version: parsed.version, name, content: readFileSync(path).toString("hex", 0, end) });
  }
  return new Map([...newest.values()].map(({ name, content }) => [name, content]));
}

/** A server, what it served at each restore point, and a sink. */
class TransformedModel {
  readonly expected = new Map<RestorePointId, Served>();
  #transformation: Transformation | undefined;
  /** How many events are in closed segments. */
  #closed = 0;

  constructor(readonly scene: FollowScene) {}

  async take(next: Step): Promise<void> {
    const { standin } = this.scene;
    switch (next.kind) {
      case "append":
        standin.appendSample("default", next.count, { perTransaction: 1 });
        break;
      case "hand-over":
        standin.handover(Infinity);
        this.#closed = Math.max(
          ...readdirSync(this.#store).map((name) =>
            name.endsWith(".events") ? Number.parseInt(name, 10) : 0,
          ),
        );
        break;
      case "transform": {
        if (this.#closed === 0 || (this.#transformation?.pending.length ?? 0) > 0) break;
        const deleted = next.at.map((at) => Math.floor(at * this.#closed));
        this.#transformation = standin.beginTransformation("default", deleted);
        break;
      }
      case "apply-next":
        this.#transformation?.applyNext();
        break;
      case "compact":
        standin.compact("default");
        break;
      case "follow":
        await this.#follow();
        break;
      case "backup":
        await this.backup();
    }
  }

  /** The rest of the transformation that is being applied. */
  finish(): void {
    this.#transformation?.apply();
  }

  async backup(): Promise<void> {
    await this.scene.backup();
    const repository = await this.repository();
    const id = (await repository.restorePoints()).at(-1);
    if (id === undefined) throw new Error("no restore point");
    expect((await repository.manifest(id)).contexts[0]?.timeline).to.equal(0);
    this.expected.set(id, servedBy(this.#store));
  }

  async repository(): Promise<Repository> {
    const repository = await Repository.open(this.scene.sink);
    if (repository === undefined) throw new Error("the sink is empty");
    return repository;
  }

  /** Restores every restore point, compares it, and reads every byte. */
  async check(): Promise<void> {
    for (const [id, served] of this.expected) {
      const target = join(this.scene.directory, `restored-${id}`);
      mkdirSync(target);
      await restore({ sink: this.scene.sink, name: "memory", target, restorePoint: id });
      const directory = join(target, "default");
      expect(servedBy(directory), id).to.deep.equal(served);
      const segments = readdirSync(directory).filter((name) => /\.(events|snapshots)$/.test(name));
      expect(segments, id).to.have.members([...served.keys()]);
      rmSync(target, { recursive: true });
    }
    const { findings } = await verify({ sink: this.scene.sink, name: "memory", readData: true, mark: false });
    expect(findings).to.deep.equal([]);
  }

  /** With the older restore points, what only they had of superseded versions goes, and nothing else. */
  async prune(): Promise<void> {
    age(this.scene.sink);
    await prune({ sink: this.scene.sink, name: "memory", agent: "test", rules: { last: 1 } });
    const left = await (await this.repository()).restorePoints();
    for (const id of [...this.expected.keys()]) if (!left.includes(id)) this.expected.delete(id);
    const names = [...this.expected.values()].flatMap((served) => [...served.keys()]);
    const events = [...this.scene.sink.storage.keys()].filter((key) => key.endsWith(".events"));
    for (const key of events) expect(names).to.include(key.slice(key.lastIndexOf("/") + 1));
  }

  /** Follows until everything is there, or it ends because events were transformed. */
  async #follow(): Promise<void> {
    const following = this.scene.follow();
    const last = this.scene.standin.head("default");
    if (last >= 0)
      await following.reaches(last).catch((error: unknown) => {
        if (!String(error).includes("transformed")) throw error;
      });
    await following.stop();
  }

  get #store(): string {
    return join(this.scene.storage, "default");
  }
}

describe("transformations at any time", () => {
  it("each restore point restores what the server served, and superseded versions go with those that have them", async function () {
    this.timeout(300_000);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 25 }), async (steps) => {
        const scene = await FollowScene.start({ segmentSize: 1024 });
        try {
          const model = new TransformedModel(scene);
          scene.standin.appendSample("default", 20, { perTransaction: 1 });
          await model.take({ kind: "hand-over" });
          await model.backup();
          for (const next of steps) await model.take(next);
          model.finish();
          await model.backup();
          await model.check();
          await model.prune();
          await model.check();
        } finally {
          await scene.close();
        }
      }),
      {
        numRuns: 12,
        // One that is backed up while it is being applied.
        examples: [
          [
            [
              { kind: "transform", at: [0.1, 0.5, 0.9] },
              { kind: "apply-next" },
              { kind: "backup" },
              { kind: "apply-next" },
              { kind: "follow" },
            ],
          ],
        ],
      },
    );
  });
});
