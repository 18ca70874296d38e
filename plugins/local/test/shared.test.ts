import type { FileHandle } from "node:fs/promises";
import { expect } from "chai";
import { DirectorySync } from "../dist/directory-sync.js";
import { Shared } from "../dist/shared.js";
import { caught } from "./support.js";

/** Promises that are resolved by hand, in order. */
function gates(): {
  readonly next: () => Promise<void>;
  readonly count: () => number;
  open: (error?: Error) => void;
} {
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  let count = 0;
  return {
    next: () => {
      count++;
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    count: () => count,
    open: (error) => {
      const first = waiting.shift();
      if (error) first?.reject(error);
      else first?.resolve();
    },
  };
}

/** Lets everything that can go on go on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("syncs of a directory", () => {
  const directory = (): { readonly sync: DirectorySync; readonly disk: ReturnType<typeof gates> } => {
    const disk = gates();
    return { disk, sync: new DirectorySync({ sync: disk.next } as unknown as FileHandle, "/dir") };
  };

  it("serve everyone who waited before they began, and nobody who came later", async () => {
    const { sync, disk } = directory();
    const done: string[] = [];
    const wait = (name: string): void => void sync.sync().then(() => done.push(name));
    wait("first");
    await turn();
    wait("during the first sync");
    wait("as well");
    disk.open();
    await turn();
    expect(done).to.deep.equal(["first"]);
    expect(disk.count()).to.equal(2);
    disk.open();
    await turn();
    expect(done).to.deep.equal(["first", "during the first sync", "as well"]);
    expect(disk.count()).to.equal(2);
  });

  it("that failed aren't followed by one that succeeds", async () => {
    const { sync, disk } = directory();
    const failure = Object.assign(new Error("EIO"), { code: "EIO" });
    const first = caught(sync.sync());
    await turn();
    const second = caught(sync.sync());
    disk.open(failure);
    expect(await first).to.have.property("cause", failure);
    expect(await second).to.equal(await first);
    expect(await caught(sync.sync())).to.equal(await first);
    expect(disk.count()).to.equal(1);
  });
});

describe("what calls share", () => {
  const counted = (maxAge: number): { readonly shared: Shared<number>; readonly log: string[] } => {
    const log: string[] = [];
    let opened = 0;
    const shared = new Shared(
      (name) => {
        log.push(`open ${name} ${++opened}`);
        return Promise.resolve(opened);
      },
      (value) => {
        log.push(`close ${value}`);
        return Promise.resolve();
      },
      maxAge,
    );
    return { shared, log };
  };

  it("is opened by the first and closed by the last", async () => {
    const { shared, log } = counted(Infinity);
    const gate = gates();
    const one = shared.use("a", gate.next);
    const other = shared.use("a", gate.next);
    await turn();
    gate.open();
    await one;
    expect(log).to.deep.equal(["open a 1"]);
    gate.open();
    await other;
    expect(log).to.deep.equal(["open a 1", "close 1"]);
    await shared.use("a", () => Promise.resolve());
    expect(log).to.deep.equal(["open a 1", "close 1", "open a 2", "close 2"]);
  });

  it("is opened anew when it is too old", async () => {
    const { shared, log } = counted(-1);
    const gate = gates();
    const one = shared.use("a", gate.next);
    const other = shared.use("a", gate.next);
    await turn();
    gate.open();
    gate.open();
    await Promise.all([one, other]);
    expect(log.slice().sort()).to.deep.equal(["close 1", "close 2", "open a 1", "open a 2"]);
  });

  it("isn't shared between names, and fails for everyone when it can't be opened", async () => {
    const closed: string[] = [];
    const shared = new Shared(
      (name) => (name === "bad" ? Promise.reject(new Error("no")) : Promise.resolve(name)),
      (name) => Promise.resolve(void closed.push(name)),
      Infinity,
    );
    const work = (value: string): Promise<string> => Promise.resolve(value);
    const [good, ...bad] = await Promise.all([
      shared.use("good", work),
      caught(shared.use("bad", work)),
      caught(shared.use("bad", work)),
    ]);
    expect(good).to.equal("good");
    for (const error of bad) expect(error).to.have.property("message", "no");
    expect(closed).to.deep.equal(["good"]);
  });
});
