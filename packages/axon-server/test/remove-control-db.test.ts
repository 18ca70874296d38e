import { existsSync } from "node:fs";
import { rename, rm, symlink, writeFile } from "node:fs/promises";

import { expect } from "chai";

import { failure } from "./support/failure.js";
import { withSource } from "./support/source.js";
import { makeFiles, withTemporary } from "./support/temporary.js";

describe("removing the control DB's backup", () => {
  /** A source that has made `backups/controldb1.zip`, with another file of the kind beside it. */
  async function withMade(
    use: (
      source: Parameters<Parameters<typeof withSource>[1]>[0],
      file: { readonly name: string; readonly path: string },
      directory: string,
    ) => Promise<void>,
    roots = ["backups"],
  ): Promise<void> {
    await withTemporary(async (directory) => {
      await makeFiles(directory, [
        "backups/controldb1.zip",
        "backups/controldb2.zip",
        "other/controldb1.zip",
        "precious",
      ]);
      const controlDbRoots = roots.map((root) => `${directory}/${root}`);
      await withSource(
        { controlDb: `${directory}/backups/controldb1.zip`, controlDbRoots },
        async (source) => {
          await use(source, await source.createControlDbBackup(), directory);
        },
      );
    });
  }

  it("removes the one that was asked for, and once", async () => {
    await withMade(async (source, file, directory) => {
      await source.removeControlDbBackup(file);
      expect(existsSync(file.path)).to.equal(false);
      expect(existsSync(`${directory}/backups/controldb2.zip`)).to.equal(true);
      await writeFile(file.path, "another run's");
      await failure(source.removeControlDbBackup(file), "refused");
      expect(existsSync(file.path)).to.equal(true);
    });
  });

  it("refuses every other file", async () => {
    await withMade(async (source, file, directory) => {
      for (const path of [
        `${directory}/backups/controldb2.zip`,
        `${directory}/other/controldb1.zip`,
        `${directory}/precious`,
        `${directory}/backups/../other/controldb1.zip`,
      ]) {
        await failure(
          source.removeControlDbBackup({ name: path.slice(path.lastIndexOf("/") + 1), path }),
          "refused",
        );
        expect(existsSync(path), path).to.equal(true);
      }
      // The path counts, whatever name is given with it.
      await source.removeControlDbBackup({ name: "../precious", path: file.path });
      expect(existsSync(`${directory}/precious`)).to.equal(true);
    });
  });

  it("refuses without directories that are named for it", async () => {
    await withMade(async (source, file) => {
      expect((await failure(source.removeControlDbBackup(file), "refused")).remedy).to.contain(
        "server.control_db",
      );
      expect(existsSync(file.path)).to.equal(true);
    }, []);
  });

  it("refuses what took its name, and a directory that leads elsewhere now", async () => {
    await withMade(async (source, file, directory) => {
      await writeFile(`${directory}/backups/new`, "another");
      await rename(`${directory}/backups/new`, file.path);
      await failure(source.removeControlDbBackup(file), "refused");
      await rm(file.path);
      await symlink(`${directory}/precious`, file.path);
      await failure(source.removeControlDbBackup(file), "refused");
      await rename(`${directory}/backups`, `${directory}/moved`);
      await symlink(`${directory}/other`, `${directory}/backups`);
      await failure(source.removeControlDbBackup(file), "refused");
      expect(existsSync(`${directory}/other/controldb1.zip`)).to.equal(true);
      expect(existsSync(`${directory}/precious`)).to.equal(true);
    });
  });
});

describe("the server's clock", () => {
  it("is read from an answer, between two looks at this machine's", async () => {
    await withTemporary(async (directory) => {
      await makeFiles(directory, ["controldb1.zip"]);
      await withSource({ controlDb: `${directory}/controldb1.zip` }, async (source) => {
        const clock = await source.clock();
        if (clock === undefined) throw new Error("no clock");
        expect(clock.time.getMilliseconds()).to.equal(0);
        expect(clock.time.getTime()).to.be.within(clock.asked.getTime() - 1000, clock.answered.getTime());
      });
    });
  });
});
