import fs, { copyFileSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

import { scanSegment, type SegmentScan, token } from "@axon-backup/axon-server";
import {
  copyStore,
  encodeEvent,
  inspectStore,
  sampleEvents,
  sampleStore,
} from "@axon-backup/axon-server-standin";
import { expect } from "chai";

import { GENERATIONS } from "./moments.js";
import { cleanUp, FIXTURES, start, temporaryDirectory } from "./support.js";

/** Reads a segment with the reader of axon-backup. */
async function scan(
  path: string,
  onEvent?: (token: number, aggregate: string) => void,
): Promise<SegmentScan> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    return await scanSegment(
      {
        size,
        read: async (buffer, position) => (await file.read(buffer, 0, buffer.byteLength, position)).bytesRead,
        close: () => file.close(),
      },
      {
        segment: token(Number(/(\d{20})[^/]*$/.exec(path)?.[1])),
        onEvents: (_, events) => {
          for (const event of events) if (event.readable) onEvent?.(event.token, event.aggregateIdentifier);
        },
      },
    );
  } finally {
    await file.close();
  }
}

describe("appending", () => {
  afterEach(cleanUp);

  for (const generation of GENERATIONS) {
    it(`writes the bytes that a real ${generation} wrote, when it appends the same transactions`, async () => {
      const recorded = join(FIXTURES, generation, "store", "default");
      const standin = await start({ generation, segmentSize: 16_384 });
      for (const store of ["events", "snapshots"] as const) {
        const prefix = store === "events" ? "evt" : "snap";
        inspectStore(recorded, store, ({ firstToken, events }) => {
          // Three of the events that 4.6 and 2023.2 were given are 19,700 bytes longer.
          const extraBytes = (events[0]?.byteLength ?? 0) > 16_384 ? 19_700 : 0;
          let made = sampleEvents(events.length, { first: firstToken, prefix, extraBytes });
          // The captured snapshots are all of sequence number 0.
          if (store === "snapshots") made = made.map((event) => ({ ...event, sequenceNumber: 0 }));
          if (store === "events") standin.append("default", made);
          else standin.appendSnapshots("default", made);
        });
      }
      const written = join(standin.storage, "default");
      const segments = readdirSync(recorded).filter((name) => /\.(events|snapshots)$/.test(name));
      expect(readdirSync(written).filter((name) => /\.(events|snapshots)$/.test(name))).to.deep.equal(
        segments,
      );
      for (const name of segments) {
        const same = readFileSync(join(written, name)).equals(readFileSync(join(recorded, name)));
        expect(same, name).to.be.true;
      }
    });
  }

  it("encodes a field-less event and one with every field", () => {
    const bare = { messageIdentifier: "m", timestamp: 0, payloadType: "t", payload: Buffer.alloc(0) };
    expect(encodeEvent(bare).toString("hex")).to.equal("0a016d" + "3203" + "0a0174");
    const [full] = sampleEvents(1, { first: 50 });
    const decoded = full && encodeEvent(full).toString("latin1");
    expect(decoded).to.include("evt-50").and.include("order-0").and.include("traceId");
  });

  it("goes on where a store of a real server ends, and axon-backup's reader finds every token", async () => {
    const storage = join(temporaryDirectory(), "data");
    copyStore(sampleStore, storage);
    const standin = await start({ storage });
    expect([standin.head("default"), standin.head("default", "snapshots")]).to.deep.equal([172, 39]);
    expect(standin.appendSample("default", 500)).to.include({ firstToken: 173, nextToken: 673 });
    standin.appendSnapshots("default", sampleEvents(3, { first: 40, prefix: "snap" }));
    expect(standin.head("default", "snapshots")).to.equal(42);

    let expected = 0;
    const directory = join(storage, "default");
    const segments = readdirSync(directory).filter((name) => name.endsWith(".events"));
    for (const [index, name] of segments.entries()) {
      const found = await scan(join(directory, name), (eventToken, aggregate) => {
        expect([eventToken, aggregate]).to.deep.equal([expected, `order-${expected % 50}`]);
        expected += 1;
      });
      expect(found.state, name).to.equal(index === segments.length - 1 ? "open" : "closed");
    }
    expect(expected).to.equal(673);
    expect(inspectStore(directory, "events").nextToken).to.equal(673);
    expect(inspectStore(directory, "snapshots").nextToken).to.equal(43);
  });

  it("makes a new segment when the last one is complete, and the first one when there is none", async () => {
    const storage = join(temporaryDirectory(), "data");
    mkdirSync(join(storage, "default"), { recursive: true });
    const first = "00000000000000000000.events";
    copyFileSync(join(sampleStore, "default", first), join(storage, "default", first));
    const standin = await start({ storage });
    expect(readdirSync(join(storage, "default"))).to.deep.equal([
      first,
      "00000000000000000000.snapshots",
      "00000000000000000034.events",
    ]);
    expect(standin.append("default", sampleEvents(1, { first: 34 }))).to.include({
      firstToken: 34,
      segment: 34,
    });
  });

  it("goes on behind the last complete transaction after a crash, and leaves nothing of the torn one", async () => {
    const standin = await start({ segmentSize: 65_536 });
    const { segment } = standin.appendSample("default", 40);
    await standin.close();
    const path = join(standin.storage, "default", "00000000000000000000.events");
    const bytes = readFileSync(path);
    const { end } = inspectStore(join(standin.storage, "default"), "events").segments[0] ?? { end: 0 };
    bytes.fill(0xab, end - 1000, end);
    writeFileSync(path, bytes);
    const again = await start({ storage: standin.storage, segmentSize: 65_536 });
    const lost = 39 - again.head("default");
    expect([segment, lost]).to.deep.equal([0, 5]);
    again.append("default", sampleEvents(1, { first: 35 }));
    expect((await scan(path)).state).to.equal("open");
    expect(inspectStore(join(standin.storage, "default"), "events").nextToken).to.equal(36);
  });

  it("does not start, as the real one, on an open segment that is cut at its last byte", async () => {
    const standin = await start();
    standin.appendSample("default", 3);
    await standin.close();
    const directory = join(standin.storage, "default");
    const { end } = inspectStore(directory, "events").segments[0] ?? { end: 0 };
    truncateSync(join(directory, "00000000000000000000.events"), end);
    let failure: unknown;
    await start({ storage: standin.storage }).catch((error: unknown) => (failure = error));
    expect(String(failure)).to.include("does not start").and.include("00000000000000000000.events");
  });

  it("refuses to append, as the real one, to a segment that has an index", async () => {
    const standin = await start();
    standin.appendSample("default", 3);
    await standin.close();
    writeFileSync(join(standin.storage, "default", "00000000000000000000.index"), "");
    const again = await start({ storage: standin.storage });
    expect(again.head("default")).to.equal(2);
    expect(() => again.appendSample("default", 1)).to.throw("counts as closed");
  });

  it("leaves the file valid after every single write", async () => {
    const standin = await start({ segmentSize: 4096 });
    const directory = join(standin.storage, "default");
    const seen: number[] = [];
    const { writeSync } = fs;
    const check = (...args: Parameters<typeof writeSync>): number => {
      const written = writeSync(...args);
      seen.push(inspectStore(directory, "events").nextToken);
      return written;
    };
    fs.writeSync = check as typeof writeSync;
    syncBuiltinESMExports();
    try {
      standin.appendSample("default", 40, { perTransaction: 3 });
    } finally {
      fs.writeSync = writeSync;
      syncBuiltinESMExports();
    }
    // Two writes for each of 14 transactions; a marker and a header for each roll-over.
    expect(seen.length).to.be.greaterThan(28);
    expect(seen).to.deep.equal(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).to.equal(40);
  });

  it("never shows a reader that runs beside it a torn transaction", async () => {
    const standin = await start({ segmentSize: 64 << 20 });
    const path = join(standin.storage, "default", "00000000000000000000.events");
    const progress = { done: false };
    const read = async (): Promise<void> => {
      let seen = 0;
      for (let reads = 0; reads < 15; reads += 1) {
        const found = await scan(path, (eventToken, aggregate) => {
          if (aggregate !== `order-${eventToken % 50}`)
            throw new Error(`${aggregate} at token ${eventToken}`);
        });
        expect(found.state).to.equal("open");
        expect(found.nextToken).to.be.at.least(seen);
        seen = found.nextToken;
      }
    };
    const reading = read().finally(() => {
      progress.done = true;
    });
    while (!progress.done) {
      standin.appendSample("default", 10, { perTransaction: 3 });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await reading;
    expect(standin.head("default")).to.be.greaterThan(100);
  });

  it("appends thousands of events a second", async function () {
    this.timeout(10_000);
    const standin = await start({ segmentSize: 1 << 20 });
    const started = performance.now();
    standin.appendSample("default", 10_000);
    // Measured: 100 ms.
    expect(performance.now() - started).to.be.lessThan(3000);
  });
});
