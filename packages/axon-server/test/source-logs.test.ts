import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";

import {
  type AxonServerErrorKind,
  type AxonServerSource,
  type LogFile,
  logFileName,
  logIndex,
  type LogListing,
  parseLogFileName,
} from "@axon-backup/axon-server";
import { expect } from "chai";

import { failure } from "./support/failure.js";
import { withSource } from "./support/source.js";
import { makeFiles, withTemporary } from "./support/temporary.js";

const log = (first: number): string => logFileName(logIndex(first));
const index = (first: number): string => logFileName(logIndex(first), "index");
const both = (...firsts: readonly number[]): string[] =>
  firsts.flatMap((first) => [log(first), index(first)]);

const namesOf = (logs: LogListing): object => ({
  segments: logs.segments.map(({ name }) => name.first),
  indexes: logs.indexes.map(({ name }) => name.first),
  missing: logs.missing,
});

/** A group `orders` whose directory has `present`, of which the server lists what `listed` names, time after time. */
async function withLogs(
  setup: {
    readonly present: readonly string[];
    readonly listed: readonly (readonly string[])[];
    readonly roots?: boolean;
  },
  use: (source: AxonServerSource, directory: string, asked: () => number) => Promise<void>,
): Promise<void> {
  await withTemporary(async (root) => {
    const directory = join(root, "log", "orders");
    await mkdir(directory, { recursive: true });
    await makeFiles(directory, setup.present);
    let asked = 0;
    const logs = (): readonly string[] =>
      (setup.listed[Math.min(asked++, setup.listed.length - 1)] ?? []).map((name) => `${directory}/${name}`);
    const options = setup.roots === false ? {} : { logRoots: [join(root, "log")] };
    await withSource({ ...options, logs }, (source) => use(source, directory, () => asked));
  });
}

describe("the log of a replication group", () => {
  it("is what the server lists, and the current segment, which older servers don't list", () =>
    withLogs(
      { present: [...both(1, 5), log(9), "9.log", "lost+found"], listed: [both(5, 1)] },
      async (source, directory) => {
        const logs = await source.replicationLog("orders");
        expect(namesOf(logs)).to.deep.equal({ segments: [1, 5, 9], indexes: [1, 5], missing: [] });
        expect(logs.segments[2]).to.deep.equal({
          name: parseLogFileName(log(9)),
          path: `${directory}/${log(9)}`,
          group: "orders",
        });
      },
    ));

  it("is the same when the server lists the current one as well, with an index or without", async () => {
    for (const current of [[log(9)], both(9)])
      await withLogs(
        { present: [...both(1, 5), log(9)], listed: [[...both(1, 5), ...current]] },
        async (source) => {
          expect(namesOf(await source.replicationLog("orders"))).to.deep.equal({
            segments: [1, 5, 9],
            indexes: [1, 5],
            missing: [],
          });
        },
      );
  });

  it("has what was completed between the list and the look into the directory", () =>
    withLogs(
      { present: [...both(1, 5), log(9), ...both(12), log(20)], listed: [both(1, 5)] },
      async (source) => {
        expect(namesOf(await source.replicationLog("orders"))).to.deep.equal({
          segments: [1, 5, 9, 12, 20],
          indexes: [1, 5, 12],
          missing: [],
        });
      },
    ));

  it("leaves out what lies in front of the first listed segment", () =>
    withLogs({ present: [...both(1, 5), log(9)], listed: [both(5)] }, async (source) => {
      expect(namesOf(await source.replicationLog("orders"))).to.deep.include({
        segments: [5, 9],
        indexes: [5],
      });
    }));

  it("takes a file that is listed twice once, however it is spelled", () =>
    withLogs(
      { present: [...both(1), log(5)], listed: [[...both(1), `./${log(1)}`, `/${index(1)}`]] },
      async (source) => {
        expect(namesOf(await source.replicationLog("orders"))).to.deep.equal({
          segments: [1, 5],
          indexes: [1],
          missing: [],
        });
      },
    ));

  it("of a young group, whose list is empty, is found by the configured directory", async () => {
    await withLogs({ present: [log(1)], listed: [[]] }, async (source, _, asked) => {
      expect(namesOf(await source.replicationLog("orders"))).to.deep.equal({
        segments: [1],
        indexes: [],
        missing: [],
      });
      expect(asked()).to.equal(1);
    });
    await withLogs({ present: [log(1)], listed: [[]], roots: false }, async (source) => {
      const { message, remedy } = await failure(source.replicationLog("orders"), "configuration");
      expect(message).to.match(/completed no log entry segment .*server.replication_logs isn't set/);
      expect(remedy).to.include("log-storage-folder");
    });
    await withLogs({ present: [], listed: [[]] }, async (source) => {
      expect((await failure(source.replicationLog("orders"), "configuration")).message).to.match(
        /there is none in .*log\/orders/,
      );
    });
  });

  it("is in doubt when two configured directories have one", () =>
    withTemporary(async (root) => {
      await makeFiles(root, [`a/orders/${log(1)}`, `b/orders/${log(1)}`]);
      const logRoots = [join(root, "a"), join(root, "b")];
      await withSource({ logRoots, logs: () => [] }, async (source) => {
        expect((await failure(source.replicationLog("orders"), "configuration")).message).to.match(
          /a\/orders and in .*b\/orders/,
        );
      });
    }));

  it("doesn't have what was cleaned up, and says so, if all that follows is there", () =>
    withLogs({ present: [...both(5), log(9)], listed: [both(1, 5)] }, async (source, _, asked) => {
      expect(namesOf(await source.replicationLog("orders"))).to.deep.equal({
        segments: [5, 9],
        indexes: [5],
        missing: both(1),
      });
      expect(asked()).to.equal(1);
    }));

  it("is listed anew when a listed segment isn't there that has one in front of it", () =>
    withLogs({ present: [...both(1), log(9)], listed: [both(1, 5), both(1)] }, async (source, _, asked) => {
      expect(namesOf(await source.replicationLog("orders"))).to.deep.include({
        segments: [1, 9],
        missing: [],
      });
      expect(asked()).to.equal(2);
    }));

  it("fails when such a segment is listed again and again, or none of them is there", async () => {
    await withLogs({ present: [...both(1), log(9)], listed: [both(1, 5)] }, async (source, _, asked) => {
      const { message } = await failure(source.replicationLog("orders"), "vanished");
      expect(message).to.include(log(5)).and.to.include("1 such files");
      expect(asked()).to.equal(3);
    });
    await withLogs({ present: [log(9)], listed: [both(1, 5)] }, (source) =>
      failure(source.replicationLog("orders"), "vanished").then(() => undefined),
    );
    await withLogs({ present: [], listed: [both(1)] }, (source) =>
      failure(source.replicationLog("orders"), "vanished").then(() => undefined),
    );
  });

  it("can't be had when the server's directory isn't on this machine", () =>
    withTemporary((root) =>
      withSource({ logRoots: [root], logs: () => [`${root}/orders/${log(1)}`] }, async (source) => {
        expect((await failure(source.replicationLog("orders"), "configuration")).remedy).to.include(
          "server.paths",
        );
      }),
    ));

  it("is read through mapped paths", () =>
    withTemporary(async (root) => {
      await makeFiles(root, [`orders/${log(1)}`]);
      const paths = [{ server: "/axonserver/log", local: root }];
      await withSource(
        { logRoots: [root], paths, logs: () => [`/axonserver/./log/orders/${log(1)}`] },
        async (source) => {
          const [file] = (await source.replicationLog("orders")).segments;
          expect(file?.path).to.equal(`${root}/orders/${log(1)}`);
          const handle = await source.open(file as LogFile);
          expect(handle.size).to.be.greaterThan(0);
          await handle.close();
        },
      );
    }));

  const hostile: readonly (readonly [string, (root: string) => string, AxonServerErrorKind])[] = [
    ["a path with ..", (root) => `${root}/orders/../../etc/${log(1)}`, "refused"],
    ["another root", () => `/etc/orders/${log(1)}`, "refused"],
    ["a root that begins alike", (root) => `${root}2/orders/${log(1)}`, "refused"],
    ["a file without the grammar", (root) => `${root}/orders/passwd`, "refused"],
    ["an event segment", (root) => `${root}/orders/00000000000000000000.events`, "refused"],
    ["a relative path", () => `orders/${log(1)}`, "refused"],
    ["a NUL", (root) => `${root}/orders/\0/${log(1)}`, "refused"],
    ["another directory of the roots", (root) => `${root}/billing/${log(2)}`, "unexpected"],
  ];
  for (const [title, path, kind] of hostile)
    it(`refuses ${title}`, () =>
      withTemporary(async (root) => {
        await makeFiles(root, [`orders/${log(1)}`, `billing/${log(2)}`]);
        const logs = (): readonly string[] => [`${root}/orders/${log(1)}`, path(root)];
        await withSource({ logRoots: [root], logs }, async (source) => {
          await failure(source.replicationLog("orders"), kind);
        });
      }));

  it("refuses a directory of another name when no roots are configured", () =>
    withTemporary(async (root) => {
      await makeFiles(root, [`billing/${log(1)}`]);
      await withSource({ logs: () => [`${root}/billing/${log(1)}`] }, async (source) => {
        expect((await failure(source.replicationLog("orders"), "refused")).message).to.include(
          "named after its replication group",
        );
      });
    }));

  it("refuses names of groups that can't be directories, before it asks anything", () =>
    withSource({ logs: () => [] }, async (source, server) => {
      for (const name of ["", "..", "a/b", ".hidden", "a\nb"])
        await failure(source.replicationLog(name), "configuration");
      expect(server.seen).to.have.length(0);
    }));

  it("refuses links that lead outside, and files that weren't listed", () =>
    withLogs({ present: [log(1)], listed: [[]] }, async (source, directory) => {
      const [file] = (await source.replicationLog("orders")).segments;
      if (file === undefined) throw new Error("no segment");
      const outside = join(directory, "..", "..", "elsewhere");
      await mkdir(outside);
      await makeFiles(outside, [log(1), "secret"]);
      await failure(source.open({ ...file, path: join(outside, log(1)) }), "refused");
      await failure(source.open({ ...file, path: join(directory, "secret") }), "refused");
      await rm(directory, { recursive: true });
      await symlink(outside, directory);
      await failure(source.open(file), "refused");
      await failure(source.replicationLog("orders"), "refused");
    }));

  it("tells that a file has vanished since it was listed", () =>
    withLogs({ present: [log(1)], listed: [[]] }, async (source, directory) => {
      const [file] = (await source.replicationLog("orders")).segments;
      await rm(join(directory, log(1)));
      await failure(source.open(file as LogFile), "vanished");
    }));
});
