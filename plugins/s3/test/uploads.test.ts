import { CreateMultipartUploadCommand } from "@aws-sdk/client-s3";
import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { expect } from "chai";
import { bytesSource, isSinkError, objectKey, readAll } from "@axon-backup/sink";
import { plugin } from "@axon-backup/sink-s3";
import { chunkedSource, failingSource, gatedSource, pattern } from "@axon-backup/sink-testkit";
import { PART_BYTES } from "../dist/buffers.js";
import { MAX_PARTS, partSize } from "../dist/parts.js";
import { sdk, unfinished } from "./sdk.js";
import { caught, newBucket, open, server } from "./support.js";

const key = objectKey("contexts/default/events/00000000000000000000.events");
const MiB = 1024 * 1024;

describe("parts", () => {
  it("suffice for the largest objects, and are as small as may be", () => {
    for (const size of [1, PART_BYTES * MAX_PARTS, PART_BYTES * MAX_PARTS + 1, 5 * 1024 ** 4]) {
      expect(Math.ceil(size / partSize(size))).to.be.at.most(MAX_PARTS);
      expect(Math.ceil(size / partSize(size, 9000))).to.be.at.most(9000);
    }
    expect(partSize(PART_BYTES * MAX_PARTS)).to.equal(PART_BYTES);
    expect(partSize(5 * 1024 ** 4)).to.be.below(526 * MiB);
  });
});

describe("uploads", function () {
  this.timeout(60_000);
  const started = server();

  for (const size of [PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 2 * PART_BYTES + 1])
    it(`store ${size} bytes, with a checksum of the whole that the server has looked at`, async () => {
      const options = await newBucket(started());
      const sink = await open(options);
      const bytes = pattern(size, size);
      const stored = await sink.put(key, chunkedSource(bytes, [MiB, 77_777]));
      expect(stored.checksum).to.deep.equal({
        algorithm: "crc32",
        value: crc32(bytes).toString(16).padStart(8, "0"),
      });
      expect(await sink.stat(key)).to.deep.include({
        size,
        checksum: stored.checksum,
        version: stored.version,
      });
      expect(Buffer.compare(await readAll(sink.get(key)), bytes)).to.equal(0);
      expect(await unfinished(options)).to.deep.equal([]);
      await sink.close();
    });

  it("that fail or are aborted leave none behind, and nothing under the key", async () => {
    const options = await newBucket(started());
    const sink = await open(options);
    const failure = new Error("the source failed, on purpose");
    expect(await caught(sink.put(key, failingSource(40 * MiB, pattern(20 * MiB), failure)))).to.equal(
      failure,
    );
    expect(await unfinished(options)).to.deep.equal([]);
    const controller = new AbortController();
    const source = gatedSource(pattern(20 * MiB), [17 * MiB]);
    const put = caught(sink.put(key, source, { signal: controller.signal }));
    await source.reached(0);
    expect(await unfinished(options)).to.deep.equal([key]);
    const reason = new Error("aborted, on purpose");
    controller.abort(reason);
    expect(await put).to.equal(reason);
    source.passAll();
    expect(await unfinished(options)).to.deep.equal([]);
    expect(isSinkError(await caught(sink.stat(key)), "not-found")).to.be.true;
    await sink.close();
  });

  it("of large objects keep the conditions, too", async () => {
    const options = await newBucket(started());
    const sink = await open(options);
    const [first, second] = [pattern(9 * MiB, 1), pattern(9 * MiB, 2)];
    const { ifAbsent, ifUnchanged } = sink.conditional ?? {};
    const stored = await ifAbsent?.(key, bytesSource(first));
    expect(isSinkError(await caught(Promise.resolve(ifAbsent?.(key, bytesSource(second)))), "conflict")).to.be
      .true;
    await ifUnchanged?.(key, stored?.version ?? "", bytesSource(second));
    const late = await caught(Promise.resolve(ifUnchanged?.(key, stored?.version ?? "", bytesSource(first))));
    expect(isSinkError(late, "conflict")).to.be.true;
    expect(Buffer.compare(await readAll(sink.get(key)), second)).to.equal(0);
    expect(await unfinished(options)).to.deep.equal([]);
    await sink.close();
  });

  it("under a condition that doesn't hold are conflicts, whenever the server closes", async () => {
    const sink = await open(await newBucket(started()));
    const there = await sink.put(key, bytesSource("there already"));
    const sizes = [3, 5, 7.5];
    for (const bytes of [...sizes, ...sizes].map((size) => pattern(size * MiB)))
      for (const lose of [
        () => sink.conditional?.ifAbsent?.(key, bytesSource(bytes)),
        () => sink.conditional?.ifUnchanged?.(key, '"0123456789abcdef0123456789abcdef"', bytesSource(bytes)),
      ]) {
        const error = await caught(Promise.resolve(lose()));
        expect(isSinkError(error, "conflict"), String(error)).to.be.true;
      }
    expect((await sink.stat(key)).version).to.equal(there.version);
    await sink.close();
  });

  it("of dead runs go by their age: below the prefix alone, and of keys that the sink can have", async function () {
    const { root } = started();
    // The age of an upload can only be set on the server's own disk.
    if (root === undefined) return this.skip();
    const options = await newBucket(started());
    const client = sdk(options);
    for (const name of ["p/old", "p/young", "p/of others/.tmp", "other/old"])
      await client.send(new CreateMultipartUploadCommand({ Bucket: options.bucket, Key: name }));
    client.destroy();
    const sink = await open({ ...options, prefix: "p", leftovers_after: 2 });
    expect(await sink.removeLeftovers?.()).to.equal(0);
    const folder = join(root, options.bucket, ".sgwtmp", "multipart");
    let old = 0;
    // A folder for each key, in it one for each upload.
    for (const name of await readdir(folder)) {
      const [upload = ""] = await readdir(join(folder, name));
      const before = new Set(await unfinished(options));
      expect(before.size).to.equal(4);
      await utimes(
        join(folder, name, upload),
        new Date(Date.now() - 3 * 3_600_000),
        new Date(Date.now() - 3 * 3_600_000),
      );
      old++;
    }
    expect(old).to.equal(4);
    expect(await sink.removeLeftovers?.()).to.equal(2);
    expect(await unfinished(options)).to.deep.equal(["other/old", "p/of others/.tmp"]);
    await sink.close();
  });

  it("of others in a bucket without a prefix aren't touched, unless the operator says that it is the sink's alone", async () => {
    const options = await newBucket(started());
    const shared = await open(options);
    expect(shared).to.have.property("removeLeftovers", undefined);
    await shared.close();
    const alone = await open({ ...options, leftovers_after: 1 });
    expect(await alone.removeLeftovers?.()).to.equal(0);
    await alone.close();
    expect(plugin.optionsSchema).to.not.have.nested.property("properties.leftovers_after.default");
  });

  it("extend an object by the server's copy of what is kept", async () => {
    const options = await newBucket(started());
    const sink = await open({ ...options, prefix: "a/b" });
    const old = pattern(20 * MiB, 3);
    await sink.put(key, bytesSource(old));
    const added = pattern(MiB, 4);
    const stored = await sink.extend?.(key, 19 * MiB + 5, bytesSource(added));
    const expected = Buffer.concat([old.subarray(0, 19 * MiB + 5), added]);
    expect(stored?.size).to.equal(expected.byteLength);
    // versitygw tells the checksum of the whole old object for a part that is copied of it.
    expect(stored?.checksum).to.be.undefined;
    expect(Buffer.compare(await readAll(sink.get(key)), expected)).to.equal(0);
    await sink.close();
  });
});

describe("buckets", function () {
  this.timeout(60_000);
  const started = server();

  for (const [name, bucket] of [
    ["with versions", { versioning: true }],
    ["with object lock", { objectLock: true }],
  ] as const)
    it(`${name} take, replace, extend and delete objects`, async () => {
      const sink = await open({ ...(await newBucket(started(), bucket)), prefix: "backups" });
      for (const text of ["one", "two two", ""]) {
        await sink.put(key, bytesSource(text));
        expect(Buffer.from(await readAll(sink.get(key))).toString()).to.equal(text);
      }
      await sink.put(key, bytesSource(pattern(9 * MiB)));
      expect((await sink.extend?.(key, 6 * MiB, bytesSource("end")))?.size).to.equal(6 * MiB + 3);
      const listed = [];
      for await (const object of sink.list("contexts/")) listed.push(object.key);
      expect(listed).to.deep.equal([key]);
      await sink.delete(key);
      await sink.delete(key);
      for await (const object of sink.list("")) expect.fail(object.key);
      // Not ifAbsent: versitygw takes a delete marker for an object, where Amazon's S3 doesn't.
      await sink.put(key, bytesSource("again"));
      expect(await sink.stat(key)).to.include({ size: 5 });
      await sink.close();
    });

  it("aren't touched when opened for reading", async () => {
    const options = await newBucket(started());
    const sink = await open(options, "read");
    const listed = await sdk(options).send(
      new (await import("@aws-sdk/client-s3")).ListObjectsV2Command({ Bucket: options.bucket }),
    );
    expect(listed.KeyCount).to.equal(0);
    await sink.close();
  });
});
