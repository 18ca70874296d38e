import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { bytesSource, isSinkError, objectKey } from "@axon-backup/sink";
import { plugin } from "../dist/index.js";
import { withDirectory } from "@axon-backup/sink-testkit";
import { caught, key, open } from "./support.js";

/** A pending test with its reason, where the machine doesn't have what it needs. CI must have it. */
function itIf(condition: boolean, reason: string, title: string, body: () => Promise<void>): void {
  if (condition || (process.env["CI"] ?? "") !== "") it(title, body);
  else it(`${title} (skipped: ${reason})`);
}

const NOBODY = 65534;

/** Runs with the rights of somebody who owns `dir` and nothing else: root may write everywhere. */
async function withoutRights(dir: string, body: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return body();
  await chown(dir, NOBODY, NOBODY);
  process.setegid?.(NOBODY);
  process.seteuid?.(NOBODY);
  try {
    await body();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

const namespaces = spawnSync("unshare", ["-Urm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

describe("free space", () => {
  it("is asked for before a byte is written", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      let opened = false;
      const source = {
        size: Number.MAX_SAFE_INTEGER,
        open: () => {
          opened = true;
          return bytesSource("").open();
        },
      };
      const error = await caught(sink.put(key, source));
      expect(isSinkError(error, "full")).to.be.true;
      expect(error).to.have.property("remedy").that.includes("Free space");
      expect(opened).to.be.false;
      await sink.put(key, bytesSource("abc"));
      expect(isSinkError(await caught(Promise.resolve(sink.extend?.(key, 3, source))), "full")).to.be.true;
    }));

  it("is kept as min_free says", () =>
    withDirectory(async (dir) => {
      const free = await (await open(dir)).freeBytes?.();
      expect(free).to.be.above(0);
      const sink = await open(dir, { min_free: Number.MAX_SAFE_INTEGER });
      expect(await sink.freeBytes?.()).to.equal(0);
      expect(isSinkError(await caught(sink.put(key, bytesSource("x"))), "full")).to.be.true;
      await sink.put(key, bytesSource(""));
    }));

  itIf(
    namespaces,
    "no user namespaces; allow them or run as root",
    "that ends in the middle of a put leaves the old object, and nothing else",
    () =>
      withDirectory(async (dir) => {
        await mkdir(join(dir, "small"));
        const script = fileURLToPath(new URL("./full-disk.js", import.meta.url));
        const command = 'mount -t tmpfs -o size=4m none "$1/small" && exec "$2" "$3" "$1/small"';
        const output = execFileSync(
          "unshare",
          ["-Urm", "sh", "-c", command, "sh", dir, process.execPath, script],
          { encoding: "utf8" },
        );
        expect(JSON.parse(output)).to.deep.equal({
          kind: "full",
          cause: "ENOSPC",
          old: "old",
          keys: [key],
          temporaries: [],
        });
      }),
  );
});

describe("a directory without permission", () => {
  it("to write is denied, with a remedy", () =>
    withDirectory((dir) =>
      withoutRights(dir, async () => {
        const sink = await open(dir);
        await sink.put(objectKey("a/b"), bytesSource("x"));
        await chmod(join(dir, "a"), 0o500);
        for (const call of [
          () => sink.put(objectKey("a/c"), bytesSource("x")),
          () => sink.delete(objectKey("a/b")),
        ]) {
          const error = await caught(call());
          expect(isSinkError(error, "denied")).to.be.true;
          expect(error).to.have.property("remedy").that.includes("access");
        }
        await chmod(dir, 0o500);
        expect(isSinkError(await caught(open(dir)), "denied")).to.be.true;
        await open(dir, {}, "read");
        await chmod(dir, 0o700);
        await chmod(join(dir, "a"), 0o700);
      }),
    ));

  itIf(
    namespaces,
    "no user namespaces; allow them or run as root",
    "on a read-only file system is denied for writing, and open for reading",
    () =>
      withDirectory(async (dir) => {
        await (await open(join(dir, "s"))).put(key, bytesSource("old"));
        const script = fileURLToPath(new URL("./read-only.js", import.meta.url));
        const command = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" "$3" "$1"';
        const output = execFileSync(
          "unshare",
          ["-Urm", "sh", "-c", command, "sh", join(dir, "s"), process.execPath, script],
          { encoding: "utf8" },
        );
        expect(JSON.parse(output)).to.deep.equal({ write: "denied", read: "old", put: "denied" });
      }),
  );

  it("names the path, the cause and what to do", () =>
    withDirectory(async (dir) => {
      const error = await caught(open(join(dir, "x".repeat(300))));
      expect(isSinkError(error, "invalid")).to.be.true;
      expect(error).to.have.property("message").that.includes("xxx").and.includes("ENAMETOOLONG");
      expect(error).to.have.nested.property("cause.code", "ENAMETOOLONG");
    }));
});

describe("a sink that must be on a mounted file system", () => {
  it("isn't opened on the file system of /, and nothing is made there", async () => {
    const path = `/axon-backup-not-mounted-${process.pid}`;
    const error = await caught(plugin.open({ path, mounted: true }, { name: "nas", purpose: "write" }));
    expect(error).to.be.instanceOf(Error).with.property("message").that.includes("mounted: true");
    expect(existsSync(path)).to.be.false;
  });

  const shared = "/dev/shm";
  const isMount = existsSync(shared) && statSync(shared).dev !== statSync("/").dev;
  itIf(isMount, `${shared} is no mount here`, "is opened on another one", async () => {
    const path = await mkdtemp(join(shared, "axon-backup-mounted-"));
    try {
      await (await plugin.open({ path, mounted: true }, { name: "nas", purpose: "write" })).close();
    } finally {
      await rm(path, { recursive: true });
    }
  });
});
