import { expect } from "chai";
import { bytesSource, isSinkError, objectKey, readAll, type Sink } from "@axon-backup/sink";
import { pendingWithoutServer, startSshd, type SshdServer } from "@axon-backup/test-servers";
import { filledSource } from "@axon-backup/sink-testkit";
import { caught, key, open } from "./support.js";

const MiB = 1024 * 1024;

describe("a put that fails after its file is closed", function () {
  this.timeout(30_000);
  let server: SshdServer;
  let started: SshdServer | undefined;
  let sink: Sink;

  before(async function () {
    await pendingWithoutServer(this, "sshd");
    server = started = await startSshd();
  });
  after(() => started?.close());
  beforeEach(async () => {
    sink = await open(server);
  });
  afterEach(() => sink.close());

  // The server numbers its handles, and uses the numbers again.
  it("closes no file of other calls", async () => {
    await sink.put(key, bytesSource("old"));
    await sink.put(objectKey("read"), filledSource(MiB, 2, 7));
    const conflicts = async (): Promise<void> => {
      for (let round = 0; round < 30; round++) {
        const error = await caught(
          sink.conditional?.ifAbsent?.(key, bytesSource("new")) ?? Promise.resolve(),
        );
        expect(isSinkError(error, "conflict"), String(error)).to.be.true;
      }
    };
    const writes = async (_: unknown, writer: number): Promise<void> => {
      for (let round = 0; round < 10; round++) {
        const name = objectKey(`written/${writer}/${round}`);
        const byte = writer * 10 + round;
        await sink.put(name, filledSource(100_000, 3, byte));
        const stored = await readAll(sink.get(name));
        expect(stored.byteLength).to.equal(300_000);
        expect(
          stored.every((found) => found === byte),
          name,
        ).to.be.true;
        expect((await readAll(sink.get(objectKey("read")))).every((found) => found === 7)).to.be.true;
      }
    };
    await Promise.all([...Array.from({ length: 4 }, conflicts), ...Array.from({ length: 4 }, writes)]);
  });
});
