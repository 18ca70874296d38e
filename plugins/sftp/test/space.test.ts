import { expect } from "chai";
import { bytesSource, isSinkError, readAll } from "@axon-backup/sink";
import { canChroot, pendingWithoutServer, startSshd } from "@axon-backup/test-servers";
import { filledSource } from "@axon-backup/sink-testkit";
import { caught, key, keysOf, open } from "./support.js";

const MiB = 1024 * 1024;
const title = "that ends in the middle of a put is a full disk, and leaves the old object and nothing else";

describe("the space of an SFTP server", function () {
  this.timeout(30_000);

  it("is asked for before a byte is sent", async function () {
    await pendingWithoutServer(this, "sshd");
    const server = await startSshd();
    const sink = await open(server);
    try {
      expect(await sink.freeBytes?.()).to.be.above(0);
      let opened = false;
      const source = {
        size: Number.MAX_SAFE_INTEGER,
        open: () => {
          opened = true;
          return bytesSource("").open();
        },
      };
      const error = await caught(sink.put(key, source));
      expect(isSinkError(error, "full"), String(error)).to.be.true;
      expect(error).to.have.property("remedy").that.includes("Free space");
      expect(opened).to.be.false;
    } finally {
      await sink.close();
      await server.close();
    }
  });

  if (!canChroot) it(`${title} (skipped: it takes a small file system; run the tests as root)`);
  else
    it(title, async function () {
      await pendingWithoutServer(this, "sshd");
      const server = await startSshd({ diskBytes: 4 * MiB });
      const sink = await open(server);
      try {
        await sink.put(key, bytesSource("old"));
        // Each of the two fits by itself: the check before finds nothing, and the disk fills up in the middle.
        const puts = [1, 2].map((byte) => caught(sink.put(key, filledSource(MiB, 3, byte))));
        const outcomes = await Promise.all(puts.map((put) => put.catch(() => undefined)));
        const failed = outcomes.filter((error) => error !== undefined);
        expect(failed).not.to.be.empty;
        for (const error of failed) expect(error).to.have.property("kind", "full");
        const bytes = await readAll(sink.get(key));
        if (failed.length === 2) expect(Buffer.from(bytes).toString()).to.equal("old");
        else expect(bytes.byteLength).to.equal(3 * MiB);
        expect(await keysOf(sink)).to.deep.equal([key]);
        await sink.delete(key);
        // Nothing invisible takes the room.
        expect(await sink.freeBytes?.()).to.be.above(3.9 * MiB);
      } finally {
        await sink.close();
        await server.close();
      }
    });
});
