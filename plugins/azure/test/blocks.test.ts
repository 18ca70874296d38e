import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { BlobServiceClient, type BlockBlobClient, RestError } from "@azure/storage-blob";
import { bytesSource, isSinkError, readAll, type Sink, type Source } from "@axon-backup/sink";
import { startHttpProxy } from "./http-proxy.js";
import {
  bytes,
  failure,
  key,
  keysOf,
  KiB,
  login,
  MiB,
  type Storage,
  through,
  withAzurite,
} from "./support.js";

/** The blob as the service has it, by the SDK alone. */
function blobOf({ server, container }: Storage): BlockBlobClient {
  const service = BlobServiceClient.fromConnectionString(server.connectionString);
  return service.getContainerClient(container).getBlockBlobClient(key);
}

async function blockSizes(storage: Storage): Promise<readonly number[]> {
  const { committedBlocks = [] } = await blobOf(storage).getBlockList("committed");
  return committedBlocks.map(({ size }) => size);
}

async function waiting(storage: Storage): Promise<number> {
  try {
    const { uncommittedBlocks = [] } = await blobOf(storage).getBlockList("uncommitted");
    return uncommittedBlocks.length;
  } catch (error) {
    if (error instanceof RestError && error.statusCode === 404) return 0;
    throw error;
  }
}

function failing(first: Buffer, size: number, error: Error): Source {
  return {
    size,
    // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, memory isn't
    async *open() {
      yield first;
      throw error;
    },
  };
}

async function content(sink: Sink): Promise<Buffer> {
  return Buffer.from(await readAll(sink.get(key)));
}

withAzurite("blocks of a blob", (storage) => {
  for (const [size, expected] of [
    [4 * MiB, []],
    [4 * MiB + 1, [4 * MiB, 1]],
    [8 * MiB, [4 * MiB, 4 * MiB]],
    [9 * MiB, [4 * MiB, 4 * MiB, MiB]],
  ] as const)
    it(`are ${expected.length === 0 ? "none" : expected.join(" + ")} for ${size} bytes`, async () => {
      const all = bytes(size);
      await storage().sink.put(key, bytesSource(all));
      expect(await blockSizes(storage())).to.deep.equal(expected);
      expect(all.equals(await content(storage().sink))).to.be.true;
    });

  it("are there from 64 KiB on for an open segment, which is to be extended", async () => {
    const { sink } = storage();
    await sink.put(key, bytesSource(bytes(64 * KiB)), { kind: "open-segment" });
    expect(await blockSizes(storage())).to.deep.equal([]);
    await sink.put(key, bytesSource(bytes(64 * KiB + 1)), { kind: "open-segment" });
    expect(await blockSizes(storage())).to.deep.equal([64 * KiB + 1]);
  });

  it("are as large as block_size says", async () => {
    const sink = await storage().open({ block_size: 100_000 });
    await sink.put(key, bytesSource(bytes(250_000)));
    expect(await blockSizes(storage())).to.deep.equal([100_000, 100_000, 50_000]);
  });

  it("don't show before they are committed, and are gone with the next put", async () => {
    const { sink } = storage();
    const broken = new Error("broken");
    const source: Source = {
      size: 10 * MiB,
      async *open() {
        yield bytes(9 * MiB);
        while ((await waiting(storage())) < 2) await setImmediate();
        throw broken;
      },
    };
    expect(await caught(sink.put(key, source))).to.equal(broken);
    expect(await waiting(storage())).to.equal(2);
    expect(await keysOf(sink)).to.deep.equal([]);
    expect((await failure(sink.stat(key))).kind).to.equal("not-found");
    expect((await failure(readAll(sink.get(key)))).kind).to.equal("not-found");
    expect((await failure(sink.extend(key, 0, bytesSource("x")))).kind).to.equal("not-found");
    const all = bytes(5 * MiB);
    await sink.put(key, bytesSource(all));
    expect(all.equals(await content(sink))).to.be.true;
    expect(await waiting(storage())).to.equal(0);
  });

  it("take the length of the IDs of blocks that another program left", async () => {
    const { sink } = storage();
    await blobOf(storage()).stageBlock(Buffer.alloc(36, "x").toString("base64"), "old", 3);
    const all = bytes(5 * MiB);
    await sink.put(key, bytesSource(all));
    expect(all.equals(await content(sink))).to.be.true;
    await blobOf(storage()).stageBlock(Buffer.alloc(5, "x").toString("base64"), "old", 3);
    const error = await failure(sink.put(key, bytesSource(all)));
    expect(error.kind).to.equal("invalid");
    expect(error.message).to.include("IDs of 5 bytes");
    expect(error.remedy).to.be.a("string");
  });

  it("are never mixed when two writers store one object: one wins, the other one may fail as transient", async () => {
    const other = await storage().open();
    const contents = [bytes(9 * MiB), bytes(10 * MiB), bytes(11 * MiB)];
    const puts = contents.map((all, index) =>
      (index % 2 === 0 ? storage().sink : other).put(key, bytesSource(all)),
    );
    const outcomes = await Promise.allSettled(puts);
    for (const outcome of outcomes)
      if (outcome.status === "rejected")
        expect(isSinkError(outcome.reason, "transient"), String(outcome.reason)).to.be.true;
    const won = contents.filter((_, index) => outcomes[index]?.status === "fulfilled");
    const found = await content(storage().sink);
    expect(won.some((all) => all.equals(found))).to.be.true;
    await other.close();
  });

  it("let one of several writers win who each want to be first, and tell the others so", async () => {
    const { sink } = storage();
    const contents = [bytes(5 * MiB), bytes(6 * MiB), bytes(7 * MiB)];
    const outcomes = await Promise.allSettled(
      contents.map(async (all) => sink.conditional?.ifAbsent?.(key, bytesSource(all))),
    );
    const losers = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(losers.map(({ reason }) => (reason as { kind: string }).kind)).to.deep.equal([
      "conflict",
      "conflict",
    ]);
    const winner = contents[outcomes.findIndex(({ status }) => status === "fulfilled")];
    expect(winner?.equals(await content(sink))).to.be.true;
    const { version = "" } = await sink.stat(key);
    const next = await Promise.allSettled(
      contents.map(async (all) => sink.conditional?.ifUnchanged?.(key, version, bytesSource(all))),
    );
    expect(next.map(({ status }) => status).sort()).to.deep.equal(["fulfilled", "rejected", "rejected"]);
    for (const outcome of next)
      if (outcome.status === "rejected")
        expect(isSinkError(outcome.reason, "conflict"), String(outcome.reason)).to.be.true;
  });
});

withAzurite("extending a blob", (storage) => {
  /** Extends by way of a proxy that counts, and gives the bytes that were sent up and down. */
  async function counted(
    before: Buffer,
    keep: number,
    added: Buffer,
  ): Promise<{ readonly up: number; readonly blocks: readonly number[] }> {
    const { server, sink, open } = storage();
    await sink.put(key, bytesSource(before), { kind: "open-segment" });
    const proxy = await startHttpProxy(() => ({ goOn: {} }), server);
    try {
      const counting = await open({ ...login(server, through(server, proxy.port)) });
      const stored = await counting.extend?.(key, keep, bytesSource(added), { kind: "open-segment" });
      expect(stored?.size).to.equal(keep + added.byteLength);
    } finally {
      await proxy.close();
    }
    expect(Buffer.concat([before.subarray(0, keep), added]).equals(await content(sink))).to.be.true;
    const up = proxy.seen.reduce((sum, { body, url }) => sum + body.byteLength + url.length, 0);
    return { up, blocks: await blockSizes(storage()) };
  }

  it("sends the new bytes alone when a block ends where they begin", async () => {
    const { up, blocks } = await counted(bytes(20 * MiB), 20 * MiB, bytes(MiB));
    expect(blocks).to.deep.equal([...Array<number>(5).fill(4 * MiB), MiB]);
    expect(up).to.be.below(1.01 * MiB);
  });

  it("sends them alone where the last block isn't a whole one, too", async () => {
    const { up, blocks } = await counted(bytes(5 * MiB), 5 * MiB, bytes(MiB));
    expect(blocks).to.deep.equal([4 * MiB, MiB, MiB]);
    expect(up).to.be.below(1.01 * MiB);
  });

  it("sends what the last block has of the kept bytes once more when they end in its middle", async () => {
    const { up, blocks } = await counted(bytes(10 * MiB), 5 * MiB, bytes(MiB));
    expect(blocks).to.deep.equal([4 * MiB, 2 * MiB]);
    expect(up).to.be.below(2.01 * MiB);
  });

  it("sends all kept bytes of a blob that was put in one request", async () => {
    const { sink } = storage();
    const before = bytes(MiB);
    await sink.put(key, bytesSource(before));
    await sink.extend(key, 1000, bytesSource("new"));
    expect(await blockSizes(storage())).to.deep.equal([1003]);
    expect((await content(sink)).equals(Buffer.concat([before.subarray(0, 1000), Buffer.from("new")]))).to.be
      .true;
  });

  it("keeps the number of blocks small, however often it happens", async () => {
    const { sink } = storage();
    const all = bytes(40 * 5000);
    await sink.put(key, bytesSource(all.subarray(0, 5000)), { kind: "open-segment" });
    for (let at = 5000; at < all.byteLength; at += 5000)
      await sink.extend(key, at, bytesSource(all.subarray(at, at + 5000)), { kind: "open-segment" });
    expect((await blockSizes(storage())).length).to.be.at.most(4);
    expect(all.equals(await content(sink))).to.be.true;
  });

  it("changes nothing when it fails in the middle, on and off a block's bounds", async () => {
    const { sink } = storage();
    const before = bytes(9 * MiB);
    await sink.put(key, bytesSource(before));
    const { version } = await sink.stat(key);
    const broken = new Error("broken");
    for (const keep of [8 * MiB, 9 * MiB, 6 * MiB + 1, 0]) {
      const source = failing(bytes(9 * MiB), 10 * MiB, broken);
      expect(await caught(sink.extend(key, keep, source))).to.equal(broken);
      expect((await sink.stat(key)).version).to.equal(version);
    }
    expect(before.equals(await content(sink))).to.be.true;
  });

  it("fails rather than mixing when the blob is replaced meanwhile", async () => {
    const { sink } = storage();
    await sink.put(key, bytesSource(bytes(5 * MiB)));
    const late: Source = {
      size: 3,
      async *open() {
        await sink.put(key, bytesSource("other"));
        yield Buffer.from("new");
      },
    };
    expect((await failure(sink.extend(key, 4 * MiB, late))).kind).to.equal("transient");
    expect((await content(sink)).toString()).to.equal("other");
  });
});

async function caught(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("should have failed");
}
