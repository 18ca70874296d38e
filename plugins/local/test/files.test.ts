import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { bytesSource, isSinkError, objectKey, readAll, type Sink } from "@axon-backup/sink";
import { filledSource, stuckSource, temporaryFiles, withDirectory } from "@axon-backup/sink-testkit";
import { caught, key, open } from "./support.js";

const MiB = 1024 * 1024;

async function keysOf(sink: Sink): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const object of sink.list("")) keys.push(object.key);
  return keys.sort();
}

describe("the local sink's files", () => {
  it("are plain files under their key, 0600 in directories of 0700, whatever the umask", () =>
    withDirectory(async (dir) => {
      const before = process.umask(0);
      try {
        await (await open(dir)).put(key, bytesSource("abc"));
      } finally {
        process.umask(before);
      }
      expect(await readFile(join(dir, key), "utf8")).to.equal("abc");
      expect((await stat(join(dir, key))).mode & 0o7777).to.equal(0o600);
      for (let at = dirname(join(dir, key)); at !== dir; at = dirname(at))
        expect((await stat(at)).mode & 0o777, at).to.equal(0o700);
    }));

  it("have the modes of the options, whatever the umask", () =>
    withDirectory(async (dir) => {
      const before = process.umask(0o077);
      try {
        const sink = await open(join(dir, "new"), { file_mode: "0640", dir_mode: "0750" });
        await sink.put(key, bytesSource("abc"));
      } finally {
        process.umask(before);
      }
      expect((await stat(join(dir, "new", key))).mode & 0o777).to.equal(0o640);
      for (const path of ["new", "new/contexts", join("new", dirname(key))])
        expect((await stat(join(dir, path))).mode & 0o777, path).to.equal(0o750);
    }));

  it("are sparse where the source is zeros, and read back equal", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      const bytes = new Uint8Array(24 * MiB);
      bytes.fill(7, 0, 5000);
      bytes.fill(9, 12 * MiB + 1, 12 * MiB + 100);
      await sink.put(key, bytesSource(bytes));
      const { size, blocks } = await stat(join(dir, key));
      expect(size).to.equal(24 * MiB);
      expect(blocks * 512).to.be.below(MiB);
      expect(Buffer.compare(await readAll(sink.get(key)), bytes)).to.equal(0);
    }));

  it("are sparse behind the kept bytes of an extend", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      await sink.put(key, filledSource(MiB, 4, 1));
      await sink.extend?.(key, 4097, filledSource(MiB, 3, 0));
      const { size, blocks } = await stat(join(dir, key));
      expect(size).to.equal(3 * MiB + 4097);
      expect(blocks * 512).to.be.below(MiB);
      const bytes = await readAll(sink.get(key));
      expect(bytes.findIndex((byte) => byte === 0)).to.equal(4097);
      expect(bytes.subarray(4097).every((byte) => byte === 0)).to.be.true;
    }));

  it("grow in place when extended", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      await sink.put(key, bytesSource("abc"));
      const { ino } = await stat(join(dir, key));
      await sink.extend?.(key, 2, bytesSource("xyz"));
      expect(await readFile(join(dir, key), "utf8")).to.equal("abxyz");
      expect((await stat(join(dir, key))).ino).to.equal(ino);
    }));

  it("that aren't objects aren't listed, and stay", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      await sink.put(objectKey("a/b"), bytesSource("x"));
      await mkdir(join(dir, "lost+found"));
      await mkdir(join(dir, ".snapshot"));
      for (const name of [".hidden", "with space", "new\nline", ".snapshot/inside", "a/ö"])
        await writeFile(join(dir, name), "x");
      expect(await keysOf(sink)).to.deep.equal(["a/b"]);
      expect(await sink.removeLeftovers?.()).to.equal(0);
      expect(await readFile(join(dir, ".hidden"), "utf8")).to.equal("x");
    }));

  it("leave no directories that a writer that was killed had made, once these have been empty for a day", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      await sink.put(key, bytesSource("x"));
      for (const name of ["old/nested/deep", "young", "kept/empty", "lost+found"])
        await mkdir(join(dir, name), { recursive: true });
      await writeFile(join(dir, "kept/.hidden"), "x");
      const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
      for (const name of ["old/nested/deep", "old/nested", "old", "kept/empty", "kept", "lost+found"])
        await utimes(join(dir, name), yesterday, yesterday);
      expect(await sink.removeLeftovers?.()).to.equal(4);
      expect((await readdir(dir)).sort()).to.deep.equal(["contexts", "kept", "lost+found", "young"]);
      expect(await readdir(join(dir, "kept"))).to.deep.equal([".hidden"]);
      expect(await keysOf(sink)).to.deep.equal([key]);
      await sink.put(objectKey("old/nested/deep/er"), bytesSource("x"));
    }));

  it("change while they are read: the read fails rather than mixing", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      await sink.put(key, filledSource(MiB, 6, 1));
      const iterator = sink.get(key)[Symbol.asyncIterator]();
      await iterator.next();
      await sink.extend?.(key, 1000, filledSource(MiB, 6, 2));
      const rest = async (): Promise<void> => {
        while ((await iterator.next()).done !== true);
      };
      expect(isSinkError(await caught(rest()), "transient")).to.be.true;
    }));

  it("leave nothing when a put is aborted", () =>
    withDirectory(async (dir) => {
      const sink = await open(dir);
      const controller = new AbortController();
      const reason = new Error("enough");
      const source = stuckSource(10 * MiB, new Uint8Array(5 * MiB).fill(1), () => {
        controller.abort(reason);
      });
      expect(await caught(sink.put(key, source, { signal: controller.signal }))).to.equal(reason);
      expect(await temporaryFiles(dir)).to.deep.equal([]);
    }));
});

describe("what stands in an object's place", () => {
  const inPlace = (body: (sink: Sink, dir: string, outside: string) => Promise<void>): Promise<void> =>
    withDirectory(async (dir) => {
      const outside = join(dir, "outside");
      await mkdir(outside);
      await writeFile(join(outside, "file"), "secret");
      const sink = await open(join(dir, "sink"));
      await sink.put(objectKey("a/real"), bytesSource("real"));
      await body(sink, join(dir, "sink"), outside);
      expect(await readFile(join(outside, "file"), "utf8")).to.equal("secret");
    });
  const refused = async (call: Promise<unknown> | undefined): Promise<void> => {
    const error = await caught(Promise.resolve(call));
    expect(isSinkError(error, "invalid"), String(error)).to.be.true;
    expect(error).to.have.property("remedy").that.is.a("string");
  };

  it("is never followed: a symbolic link to a file", () =>
    inPlace(async (sink, dir, outside) => {
      const link = objectKey("a/link");
      await symlink(join(outside, "file"), join(dir, link));
      await refused(readAll(sink.get(link)));
      await refused(sink.stat(link));
      await refused(sink.put(link, bytesSource("x")));
      await refused(sink.extend?.(link, 0, bytesSource("x")));
      await caught(Promise.resolve(sink.conditional?.ifAbsent?.(link, bytesSource("x"))));
      expect(await keysOf(sink)).to.deep.equal(["a/real"]);
      expect((await lstat(join(dir, link))).isSymbolicLink()).to.be.true;
    }));

  it("is never followed: a symbolic link to a directory", () =>
    inPlace(async (sink, dir, outside) => {
      await symlink(outside, join(dir, "b"));
      for (const inside of [objectKey("b/file"), objectKey("b/new"), objectKey("b/deeper/new")]) {
        await refused(sink.put(inside, bytesSource("x")));
        await refused(sink.conditional?.ifAbsent?.(inside, bytesSource("x")));
      }
      await refused(readAll(sink.get(objectKey("b/file"))));
      await refused(sink.stat(objectKey("b/file")));
      await refused(sink.extend?.(objectKey("b/file"), 0, bytesSource("x")));
      await refused(sink.delete(objectKey("b/file")));
      expect(await keysOf(sink)).to.deep.equal(["a/real"]);
      await sink.removeLeftovers?.();
    }));

  it("is never followed: a link in the place of a directory that a put would create", () =>
    inPlace(async (sink, dir) => {
      await symlink("/nowhere/at/all", join(dir, "c"));
      await refused(sink.put(objectKey("c/new"), bytesSource("x")));
    }));

  it("is refused: a socket", () =>
    inPlace(async (sink, dir) => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(join(dir, "s"), resolve));
      try {
        await refused(sink.put(objectKey("s"), bytesSource("x")));
        await refused(sink.stat(objectKey("s")));
        expect(await keysOf(sink)).to.deep.equal(["a/real"]);
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    }));

  it("is refused: a directory with files in it", () =>
    inPlace(async (sink, dir) => {
      await refused(sink.put(objectKey("a"), bytesSource("x")));
      expect(await keysOf(sink)).to.deep.equal(["a/real"]);
      expect(await temporaryFiles(dir)).to.deep.equal([]);
    }));
});

describe("the local sink's directory", () => {
  it("is created below a parent that exists, and only when writing", () =>
    withDirectory(async (dir) => {
      const path = join(dir, "new");
      expect(isSinkError(await caught(open(path, {}, "read")), "not-found")).to.be.true;
      const error = await caught(open(join(dir, "missing", "mount")));
      expect(isSinkError(error, "invalid")).to.be.true;
      expect(error).to.have.property("remedy").that.includes("Mount");
      await open(path);
      expect((await stat(path)).mode & 0o777).to.equal(0o700);
      await open(path, {}, "read");
    }));

  it("must be a directory with an absolute path", () =>
    withDirectory(async (dir) => {
      await writeFile(join(dir, "file"), "");
      expect(isSinkError(await caught(open(join(dir, "file"))), "invalid")).to.be.true;
      expect(isSinkError(await caught(open("relative/path")), "invalid")).to.be.true;
      expect(isSinkError(await caught(open(dir, { file_mode: "384" })), "invalid")).to.be.true;
    }));

  it("may be reached through a symbolic link", () =>
    withDirectory(async (dir) => {
      await mkdir(join(dir, "real"));
      await symlink("real", join(dir, "link"));
      const sink = await open(join(dir, "link"));
      await sink.put(key, bytesSource("x"));
      expect(await keysOf(sink)).to.deep.equal([key]);
    }));

  it("isn't touched by opening it to read", () =>
    withDirectory(async (dir) => {
      await (await open(dir)).put(key, bytesSource("abc"));
      await chmod(dir, 0o500);
      const before = (await stat(dir)).mtimeMs;
      try {
        const sink = await open(dir, {}, "read");
        expect(Buffer.from(await readAll(sink.get(key))).toString()).to.equal("abc");
        expect((await stat(dir)).mtimeMs).to.equal(before);
      } finally {
        await chmod(dir, 0o700);
      }
    }));

  it("is missed when it is unmounted, rather than taken for empty", () =>
    withDirectory(async (dir) => {
      const path = join(dir, "mnt");
      const sink = await open(path);
      await sink.put(key, bytesSource("abc"));
      await rename(path, join(dir, "away"));
      const gone = async (): Promise<void> => {
        for (const call of [
          (): Promise<unknown> => sink.stat(key),
          (): Promise<unknown> => readAll(sink.get(key)),
          (): Promise<unknown> => keysOf(sink),
          (): Promise<unknown> => sink.put(key, bytesSource("x")),
        ])
          expect(isSinkError(await caught(call()), "transient")).to.be.true;
      };
      await gone();
      // As an empty mount point.
      await mkdir(path);
      await gone();
    }));
});
