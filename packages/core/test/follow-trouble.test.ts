import { expect } from "chai";
import { objectKey, type Sink, SinkError } from "@axon-backup/sink";
import { faultySink, type FaultyOptions, memorySink } from "@axon-backup/sink-testkit";
import { type EngineError, lagsOf, Repository, systemClock } from "../dist/index.js";
import { FollowScene, until } from "./follow-scene.js";
import { FakeClock } from "./sink-support.js";

const HEAD = objectKey("head.json");
const WRITER = objectKey("writer.json");

describe("following in trouble", () => {
  let scene: FollowScene;

  beforeEach(async () => {
    scene = await FollowScene.start({ segmentSize: 16_384 });
    scene.standin.appendSample("default", 4);
    await scene.backup();
  });
  afterEach(() => scene.close());

  const faulty = (options: FaultyOptions = {}) => faultySink(scene.sink, {}, options);
  const append = (count = 1): number => {
    scene.standin.appendSample("default", count);
    return scene.standin.head("default");
  };

  it("puts a copy whole when the sink doesn't hold what it should after it was extended", async () => {
    const sink = faulty();
    sink.script(
      "extend",
      { kind: "fail-after-effect", error: "transient" },
      { kind: "fail", error: "not-found" },
    );
    const following = scene.follow({ sink });
    await following.reaches(append());
    await following.reaches(append());
    await following.reaches(append());
    expect(following.warnings).to.have.length(2);
    expect(scene.sink.calls.extend, "goes on extending").to.be.greaterThan(0);
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("doesn't believe an extended object of another size", async () => {
    const sink: Sink = {
      ...faulty(),
      extend: async (...given) => {
        const stored = await scene.sink.extend(...given);
        return { ...stored, size: stored.size - 1 };
      },
    };
    const following = scene.follow({ sink });
    await following.reaches(append());
    expect(following.warnings.join()).to.contain("put whole");
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("counts nothing as stored whose head can't be written", async () => {
    const following = scene.follow({
      sink: faultySink(scene.sink, {
        ifUnchanged: [{ kind: "fail", error: "denied" }],
        ifAbsent: [{ kind: "pass" }, { kind: "fail", error: "denied" }],
      }),
    });
    append();
    await until(() => following.result !== undefined);
    expect(following.result).to.have.property("error").that.has.property("kind", "denied");
    expect(await scene.check()).to.equal(3);
    expect(scene.sink.storage.has(WRITER), "the lease is given back").to.equal(false);
    const again = scene.follow();
    await again.reaches(scene.standin.head("default"));
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("goes on from the restore point that somebody else made while nothing was new", async () => {
    const following = scene.follow({ idle: 10 });
    await following.reaches(append());
    await until(() => !following.isHeld);
    await scene.backup();
    append();
    await until(() => following.count("started") === 2);
    await following.reaches(scene.standin.head("default"));
    const repository = await Repository.open(scene.sink);
    expect(following.stored?.restorePoint).to.equal((await repository?.restorePoints())?.at(-1));
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("writes nothing while another one has the repository", async () => {
    const one = scene.follow({ idle: 60_000 });
    await one.reaches(append());
    const other = scene.follow();
    append();
    await until(() => other.result !== undefined);
    expect(other.result).to.have.property("error").that.has.property("kind", "locked");
    expect(other.count("cycle")).to.equal(0);
  });

  it("doesn't replace another one's head", async () => {
    let isOthers = false;
    const theirs = new TextEncoder().encode("another one's head");
    const sink = faulty({
      onCall: (method, key) => {
        if (key !== HEAD || method !== "ifUnchanged") return;
        isOthers = true;
        scene.sink.storage.set(HEAD, { bytes: theirs, version: "theirs", modified: new Date() });
      },
    });
    const following = scene.follow({ sink });
    await following.reaches(append());
    append();
    await until(() => following.result !== undefined);
    expect(isOthers).to.equal(true);
    expect((following.result as { error: EngineError }).error.kind).to.equal("locked");
    expect(scene.sink.storage.get(HEAD)?.bytes).to.equal(theirs);
  });

  it("ends when it is told to, also while the sink hangs, and gives the lease back", async () => {
    const sink = faulty();
    sink.script("extend", { kind: "hang" });
    const following = scene.follow({ sink });
    append();
    await until(() => sink.remaining() === 0);
    expect(scene.sink.storage.has(WRITER)).to.equal(true);
    await following.stop();
    expect(following.result).to.have.property("error").that.has.property("message", "stopped");
    expect(scene.sink.storage.has(WRITER)).to.equal(false);
  });

  it("lets a sink that hangs fall behind alone", async () => {
    const other = memorySink();
    await scene.backup(other);
    const hanging = faultySink(other, { extend: [{ kind: "hang" }] });
    const [slow, fast] = [scene.follow({ sink: hanging }), scene.follow()];
    await fast.reaches(append());
    await until(() => hanging.remaining() === 0);
    await fast.reaches(append(3));
    const { state } = scene.watch();
    expect(lagsOf(state, fast.stored)).to.deep.include({
      context: "default",
      storedToken: 7,
      serverToken: 7,
      tokens: 0,
      snapshots: 0,
      bytes: 0,
      since: undefined,
    });
    const [lag] = lagsOf(state, slow.stored);
    expect(lag).to.include({ storedToken: 3, serverToken: 7, tokens: 4 });
    expect(lag?.bytes).to.be.greaterThan(100);
    expect(lag?.since?.getTime()).to.be.at.most(Date.now());
  });

  it("has a cycle no more often than its interval says, whatever another sink's is", async () => {
    const clock = new FakeClock();
    const following = scene.follow({ clock, interval: 60_000 });
    await following.reaches(append());
    expect(following.count("cycle")).to.equal(1);
    for (let round = 0; round < 5; round++) {
      const last = append();
      await until(() => scene.watch().state.positions.get("default")?.events.nextToken === last + 1);
      await clock.advance(10_000);
    }
    expect(following.count("cycle"), "in 50 seconds").to.equal(1);
    await clock.advance(10_000);
    await following.reaches(scene.standin.head("default"));
    expect(following.count("cycle"), "what came meanwhile goes at once").to.equal(2);
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("stores what the server closes whole, and the next backup doesn't send it again", async () => {
    const clock = { ...systemClock, now: () => performance.now() * 10_000 };
    scene.watch({ clock });
    const following = scene.follow();
    await following.reaches(append(160));
    const closed = scene.standin.handover(100);
    expect(closed).to.be.greaterThan(2);
    const isWhole = (event: { readonly kind: string; readonly key?: string }): boolean =>
      event.kind === "settled" && event.key?.endsWith(".events") === true;
    await until(() => following.result !== undefined || following.events.filter(isWhole).length === closed);
    expect(following.result).to.equal(undefined);
    await following.reaches(append());
    await following.stop();
    const sent: string[] = [];
    await scene.backup(
      faulty({
        onCall: (method, key) => {
          if ((method === "put" || method.startsWith("if")) && key?.startsWith("contexts/")) sent.push(key);
        },
      }),
    );
    expect(sent.filter((key) => key.endsWith(".events"))).to.have.length(1);
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("fails when the sink does, and says so", async () => {
    const sink = faulty({
      onCall: (method) => {
        if (method === "extend") throw new SinkError("full", "no space");
      },
    });
    const following = scene.follow({ sink });
    append();
    await until(() => following.result !== undefined);
    expect(following.result).to.have.property("error").that.has.property("kind", "full");
  });
});
