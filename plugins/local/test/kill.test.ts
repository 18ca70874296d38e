import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { bytesSource, readAll, type Sink } from "@axon-backup/sink";
import { caught, filledSource, key, open, stuckSource, temporaries, withDirectory } from "./support.js";

const WRITER = fileURLToPath(new URL("./writer.js", import.meta.url));

async function writer(dir: string, mode: "put" | "extend" | "stuck"): Promise<ChildProcess> {
  const child = spawn(process.execPath, [WRITER, dir, mode], { stdio: ["ignore", "pipe", "inherit"] });
  // Its first line: it is in the middle of its work.
  await Promise.race([
    once(child.stdout, "data"),
    once(child, "exit").then(([code]) => {
      throw new Error(`the writer ended with ${String(code)}`);
    }),
  ]);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

/** Waits for as many more lines and then a random time below a put's: so that the kill meets every step. */
async function runFor(child: ChildProcess, turn: number): Promise<void> {
  for (let line = 0; line < turn % 3; line++) if (child.stdout) await once(child.stdout, "data");
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
}

async function leftovers(sink: Sink): Promise<number | undefined> {
  return sink.removeLeftovers?.();
}

describe("a writer that is killed", () => {
  it("at any moment of a put leaves the old object or the new one, whole", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      for (let turn = 0; turn < 12; turn++) {
        const child = await writer(dir, "put");
        await runFor(child, turn);
        await kill(child);
        const bytes = await readAll(sink.get(key));
        const [byte = 0] = bytes;
        expect(bytes.byteLength).to.equal(3 * (100_000 + byte));
        expect(bytes.every((other) => other === byte)).to.be.true;
        const listed: string[] = [];
        for await (const object of sink.list("")) listed.push(object.key);
        expect(listed).to.deep.equal([key]);
        await leftovers(sink);
        expect(await temporaries(dir)).to.deep.equal([]);
      }
    })).timeout(60_000);

  it("at any moment of an extend leaves the kept bytes", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      await sink.put(key, filledSource(100_000, 1, 255));
      for (let turn = 0; turn < 6; turn++) {
        const child = await writer(dir, "extend");
        await runFor(child, turn);
        await kill(child);
        const bytes = await readAll(sink.get(key, { range: { offset: 0, length: 100_000 } }));
        expect(bytes).to.have.length(100_000);
        expect(bytes.every((byte) => byte === 255)).to.be.true;
      }
    })).timeout(60_000);

  it("leaves a temporary file, which is removed once it is dead, and not before", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      const child = await writer(dir, "stuck");
      try {
        expect(await temporaries(dir)).to.have.length(1);
        expect(await leftovers(sink)).to.equal(0);
        expect(await temporaries(dir)).to.have.length(1);
      } finally {
        await kill(child);
      }
      expect(await leftovers(sink)).to.equal(1);
      expect(await temporaries(dir)).to.deep.equal([]);
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
      expect(await temporaries(dir)).to.have.length(1);
      controller.abort();
      await put;
      expect(await temporaries(dir)).to.deep.equal([]);
    }));

  it("of other machines go when they are untouched for a day", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      await sink.put(key, bytesSource("x"));
      const place = join(dir, dirname(key));
      const [young, old] = ["1", "2"].map((digit) =>
        join(place, `.tmp-000000000000-${digit}-5-00000000000000ab`),
      );
      const foreign = join(place, ".tmp-by-someone-else");
      for (const path of [young, old, foreign]) if (path !== undefined) await writeFile(path, "x");
      const hours = (count: number): Date => new Date(Date.now() - count * 3_600_000);
      await utimes(young ?? "", hours(23), hours(23));
      await utimes(old ?? "", hours(25), hours(25));
      await utimes(foreign, hours(1000), hours(1000));
      expect(await leftovers(sink)).to.equal(1);
      expect((await temporaries(dir)).length).to.equal(2);
    }));

  it("of a process that has another's number go", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      const child = await writer(dir, "stuck");
      const [name = ""] = await temporaries(dir);
      await kill(child);
      // This process has the number now, and started at another time.
      const [, machine = ""] = /\.tmp-([0-9a-f]+)-/.exec(name) ?? [];
      await mkdir(join(dir, "d"));
      await writeFile(join(dir, "d", `.tmp-${machine}-${process.pid}-1-00000000000000ab`), "x");
      expect(await leftovers(sink)).to.equal(2);
      expect(await temporaries(dir)).to.deep.equal([]);
    }));
});
