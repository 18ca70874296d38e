import { chmod, mkdir, rename, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect } from "chai";

import { AxonServerClient, AxonServerSource } from "@axon-backup/axon-server";

import { failure } from "./support/failure.js";
import { allOpen, segmentFile, withSource } from "./support/source.js";
import { makeFiles, withTemporary } from "./support/temporary.js";

describe("an open file", () => {
  it("is read at any position, many times at once, up to its end as it is now", async () => {
    await withTemporary(async (directory) => {
      const path = `${directory}/default/${segmentFile(0)}`;
      await makeFiles(directory, [`default/${segmentFile(0)}`]);
      const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));
      await writeFile(path, bytes);
      await withSource({ eventstore: allOpen([path]), storageRoots: [directory] }, async (source) => {
        const [file] = (await source.list("default", "events", undefined)).open;
        if (file === undefined) throw new Error("nothing listed");
        const handle = await source.open(file);
        expect(handle.size).to.equal(100_000);
        const reads = Array.from({ length: 20 }, async (_, i) => {
          const buffer = new Uint8Array(9_000);
          const position = i * 5_000;
          const length = await handle.read(buffer, position);
          expect(length).to.equal(Math.min(9_000, 100_000 - position));
          expect(
            Buffer.from(buffer.subarray(0, length)).equals(bytes.subarray(position, position + length)),
          ).to.equal(true);
        });
        await Promise.all(reads);
        expect(await handle.read(new Uint8Array(10), 100_000)).to.equal(0);
        await truncate(path, 100_005);
        expect(await handle.read(new Uint8Array(10), 100_000)).to.equal(5);
        await handle.close();
        await failure(handle.read(new Uint8Array(10), 0), "unreadable");
      });
    });
  });

  it("stays the one that was opened when another takes its name", async () => {
    await withTemporary(async (directory) => {
      const name = `default/${segmentFile(0)}`;
      await makeFiles(directory, [name, "other"]);
      await withSource(
        { eventstore: allOpen([`${directory}/${name}`]), storageRoots: [directory] },
        async (source) => {
          const [file] = (await source.list("default", "events", undefined)).open;
          if (file === undefined) throw new Error("nothing listed");
          const handle = await source.open(file);
          await rename(`${directory}/other`, `${directory}/${name}`);
          const buffer = new Uint8Array(100);
          expect(Buffer.from(buffer.subarray(0, await handle.read(buffer, 0))).toString()).to.equal(name);
          await handle.close();
        },
      );
    });
  });

  it("that isn't ours to read names the group to join", async () => {
    await withTemporary(async (directory) => {
      const path = `${directory}/default/${segmentFile(0)}`;
      await makeFiles(directory, [`default/${segmentFile(0)}`, `locked/default/${segmentFile(0)}`]);
      await chmod(path, 0o200);
      await chmod(`${directory}/locked`, 0o600);
      await chmod(directory, 0o755);
      const locked = `${directory}/locked/default/${segmentFile(0)}`;
      await withSource({ eventstore: allOpen([path]), storageRoots: [directory] }, async (source) => {
        const [file] = (await source.list("default", "events", undefined)).open;
        if (file === undefined) throw new Error("nothing listed");
        await asUnprivileged(async () => {
          const error = await failure(source.open(file), "unreadable");
          expect(error.remedy).to.match(/mode 0200\..*usermod -aG \S+ \S+/);
          const other = await failure(source.open({ ...file, path: locked }), "unreadable");
          expect(other.remedy).to.match(/locked belongs to .*mode 0600\./);
        });
      });
      await chmod(`${directory}/locked`, 0o700);
    });
  });
});

/** Root may read everything; so the process is somebody else for a moment. */
async function asUnprivileged(use: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) {
    await use();
    return;
  }
  process.seteuid?.(65534);
  try {
    await use();
  } finally {
    process.seteuid?.(0);
  }
}

describe("the source's configuration", () => {
  for (const path of ["", "data", "/", "///", "/data/..", "/data/../etc", "/da\nta", "/./"])
    it(`refuses the directory ${JSON.stringify(path)}`, () => {
      const client = new AxonServerClient({ url: "http://127.0.0.1:1" });
      for (const options of [
        { storageRoots: [path] },
        { paths: [{ server: path, local: "/x" }] },
        { paths: [{ server: "/x", local: path }] },
        { controlDbRoots: [path] },
      ])
        expect(() => new AxonServerSource({ client, ...options }))
          .to.throw()
          .with.property("kind", "configuration");
    });
});

describe("the control DB's backup", () => {
  for (const path of ["/x/controldb1.zip.tmp", "/x/../controldb1.zip", "/etc/passwd", "/x/controldb1.zip/"])
    it(`is refused as ${path}, after one call`, async () => {
      await withSource({ controlDb: path }, async (source, server) => {
        await failure(source.createControlDbBackup(), "refused");
        expect(server.count("/createControlDbBackup")).to.equal(1);
      });
    });

  it("must be in its directories, if they are configured; a link is never opened", async () => {
    await withTemporary(async (directory) => {
      await makeFiles(directory, ["backups/controldb1.zip", "elsewhere/controldb2.zip"]);
      await mkdir(join(directory, "links"));
      await symlink(`${directory}/elsewhere/controldb2.zip`, `${directory}/links/controldb3.zip`);
      await symlink(`${directory}/elsewhere`, `${directory}/backups/more`);
      await withSource({ controlDb: `${directory}/elsewhere/controldb2.zip` }, async (source) => {
        const handle = await source.open(await source.createControlDbBackup());
        await handle.close();
        await failure(
          source.open({ name: "controldb3.zip", path: `${directory}/links/controldb3.zip` }),
          "refused",
        );
      });
      await withSource(
        { controlDb: `${directory}/elsewhere/controldb2.zip`, controlDbRoots: [`${directory}/backups`] },
        async (source) => {
          await failure(source.createControlDbBackup(), "refused");
          await failure(
            source.open({ name: "controldb2.zip", path: `${directory}/backups/more/controldb2.zip` }),
            "refused",
          );
          await (
            await source.open({ name: "controldb1.zip", path: `${directory}/backups/controldb1.zip` })
          ).close();
        },
      );
    });
  });
});
