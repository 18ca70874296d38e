import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { bytesSource, readAll, type Sink } from "@axon-backup/sink";
import {
  filledSource,
  KEPT_BYTES,
  leaveTemporaryFiles,
  requireWholePut,
  startWriter,
  stuckSource,
  temporaryFiles,
  withDirectory,
  type Writer,
  type WriterMode,
} from "@axon-backup/sink-testkit";
import { caught, key, open } from "./support.js";

const WRITER = fileURLToPath(new URL("./writer.js", import.meta.url));

const writer = (dir: string, mode: WriterMode): Promise<Writer> => startWriter(WRITER, dir, mode);

async function leftovers(sink: Sink): Promise<number | undefined> {
  return sink.removeLeftovers?.();
}

describe("a writer that is killed", () => {
  it("at any moment of a put leaves the old object or the new one, whole", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      for (let turn = 0; turn < 12; turn++) {
        const child = await writer(dir, "put");
        await child.work(turn % 3, 5);
        await child.kill();
        await requireWholePut(sink, key);
        const listed: string[] = [];
        for await (const object of sink.list("")) listed.push(object.key);
        expect(listed).to.deep.equal([key]);
        await leftovers(sink);
        expect(await temporaryFiles(dir)).to.deep.equal([]);
      }
    })).timeout(60_000);

  it("at any moment of an extend leaves the kept bytes", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      await sink.put(key, filledSource(KEPT_BYTES, 1, 255));
      for (let turn = 0; turn < 6; turn++) {
        const child = await writer(dir, "extend");
        await child.work(turn % 3, 5);
        await child.kill();
        const bytes = await readAll(sink.get(key, { range: { offset: 0, length: KEPT_BYTES } }));
        expect(bytes).to.have.length(KEPT_BYTES);
        expect(bytes.every((byte) => byte === 255)).to.be.true;
      }
    })).timeout(60_000);

  it("leaves a temporary file, which is removed once it is dead, and not before", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      const child = await writer(dir, "stuck");
      try {
        expect(await temporaryFiles(dir)).to.have.length(1);
        expect(await leftovers(sink)).to.equal(0);
        expect(await temporaryFiles(dir)).to.have.length(1);
      } finally {
        await child.kill();
      }
      expect(await leftovers(sink)).to.equal(1);
      expect(await temporaryFiles(dir)).to.deep.equal([]);
      expect(await leftovers(sink)).to.equal(0);
    }));
});

describe("temporary files", () => {
  it("of this process are in work, and stay", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      const controller = new AbortController();
      let stuck: () => void = () => undefined;
      const reached = new Promise<void>((resolve) => (stuck = resolve));
      const source = stuckSource(10, new Uint8Array(5), stuck);
      const put = caught(sink.put(key, source, { signal: controller.signal }));
      await reached;
      expect(await leftovers(sink)).to.equal(0);
      expect(await temporaryFiles(dir)).to.have.length(1);
      controller.abort();
      await put;
      expect(await temporaryFiles(dir)).to.deep.equal([]);
    }));

  it("of other machines go when they are untouched for a day", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      await sink.put(key, bytesSource("x"));
      await leaveTemporaryFiles(join(dir, dirname(key)));
      expect(await leftovers(sink)).to.equal(1);
      expect((await temporaryFiles(dir)).length).to.equal(2);
    }));

  it("of a process that has another's number go", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      const child = await writer(dir, "stuck");
      const [name = ""] = await temporaryFiles(dir);
      await child.kill();
      // This process has the number now, and started at another time.
      const [, machine = ""] = /\.tmp-([0-9a-f]+)-/.exec(name) ?? [];
      await mkdir(join(dir, "d"));
      await writeFile(join(dir, "d", `.tmp-${machine}-${process.pid}-1-00000000000000ab`), "x");
      expect(await leftovers(sink)).to.equal(2);
      expect(await temporaryFiles(dir)).to.deep.equal([]);
    }));
});
