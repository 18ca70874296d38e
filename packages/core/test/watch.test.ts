import { expect } from "chai";
import fc from "fast-check";
import { token } from "@axon-backup/axon-server";
import { addSeen } from "../dist/continuous/seen.js";
import type { Seen } from "../dist/index.js";
import { FollowScene, until } from "./follow-scene.js";

describe("watching a server", () => {
  let scene: FollowScene;

  beforeEach(async () => {
    scene = await FollowScene.start();
    scene.standin.appendSample("default", 4);
  });
  afterEach(() => scene.close());

  const seen = (): number | undefined => scene.watch().state.positions.get("default")?.events.nextToken;

  it("looks at once when it is woken", async () => {
    const watch = scene.watch({ interval: 1_000_000 });
    await until(() => seen() === 4);
    scene.standin.appendSample("default", 1);
    const { revision } = watch.state;
    watch.wake();
    await watch.next(revision);
    expect(seen()).to.equal(5);
  });

  it("reads a few bytes of each store in a look, and opens nothing", async () => {
    scene.watch();
    await until(() => seen() === 4);
    const { reads, opens } = scene;
    scene.standin.forgetRequests();
    await until(() => scene.reads >= reads + 40);
    expect(scene.opens).to.equal(opens);
    expect(scene.standin.requests).to.deep.equal([]);
  });

  it("reads files only when the server's head has moved, where it is asked", async () => {
    scene.watch({ notice: "server" });
    await until(() => seen() === 4);
    const { reads } = scene;
    scene.standin.forgetRequests();
    await until(() => scene.standin.requests.length > 20);
    expect(scene.reads).to.equal(reads);
    scene.standin.appendSample("default", 1);
    await until(() => seen() === 5);
  });

  it("reads files when the server that is asked doesn't tell", async () => {
    scene.watch({ notice: "server" });
    await until(() => seen() === 4);
    scene.standin.misbehave({ path: "/actuator/health", behaviour: { kind: "status", status: 503 } });
    scene.standin.appendSample("default", 1);
    await until(() => seen() === 5);
    expect(scene.watchEvents.filter(({ kind }) => kind === "problem")).to.have.length.at.least(1);
  });

  it("doesn't take a server for one that is there again before it has answered", async () => {
    let time = 0;
    let rounds = 0;
    scene.watch({
      clock: {
        now: () => time,
        after: (_, run) => {
          rounds++;
          const timer = setImmediate(run);
          return () => {
            clearImmediate(timer);
          };
        },
      },
    });
    await until(() => seen() === 4);
    scene.standin.misbehave({ behaviour: { kind: "status", status: 503 } });
    time += 100_000;
    const problems = (): number => scene.watchEvents.filter(({ kind }) => kind === "problem").length;
    await until(() => problems() > 0);
    for (let look = 0; look < 20; look++) {
      const before = rounds;
      time += 1000;
      await until(() => rounds > before + 2);
    }
    expect(scene.watchEvents.map(({ kind }) => kind)).not.to.include("recovered");
    expect(problems()).to.equal(1);
    scene.standin.misbehave(undefined);
    time += 5000;
    await until(() => scene.watchEvents.some(({ kind }) => kind === "recovered"));
  });

  it("tells of a problem once, and when it is over", async () => {
    scene.standin.misbehave({ behaviour: { kind: "status", status: 503 } });
    let time = 0;
    scene.watch({
      clock: {
        now: () => (time += 100_000),
        after: (_, run) => {
          const timer = setImmediate(run);
          return () => {
            clearImmediate(timer);
          };
        },
      },
    });
    await until(() => scene.watchEvents.length > 0 && scene.standin.requests.length > 10);
    scene.standin.misbehave(undefined);
    await until(() => seen() === 4);
    await until(() => scene.watchEvents.some(({ kind }) => kind === "recovered"));
    expect(scene.watchEvents.filter(({ kind }) => kind === "problem")).to.have.length(1);
  });
});

describe("the moments at which tokens were seen", () => {
  it("are few, ascend, and never make a lag look smaller than it is", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 2000 }),
        fc.nat(),
        (steps, pick) => {
          let seen: readonly Seen[] = [];
          const all: Seen[] = [];
          let next = 0;
          for (const [index, step] of steps.entries()) {
            next += step;
            const moment = { nextToken: token(next), at: new Date(index * 1000) };
            all.push(moment);
            seen = addSeen(seen, moment);
          }
          expect(seen.length).to.be.at.most(256);
          const stored = pick % next;
          const since = (moments: readonly Seen[]): number =>
            moments.find(({ nextToken }) => nextToken > stored)?.at.getTime() ?? Infinity;
          expect(since(seen)).to.be.at.most(since(all));
          expect(seen.at(-1)).to.deep.equal(all.at(-1));
        },
      ),
    );
  });
});
