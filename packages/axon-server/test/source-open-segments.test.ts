import { symlink, writeFile } from "node:fs/promises";
import { writeFileSync } from "node:fs";

import { expect } from "chai";

import { type StoreListing, token } from "@axon-backup/axon-server";

import { failure } from "./support/failure.js";
import { segmentFile, withSource } from "./support/source.js";
import { makeFiles, withTemporary } from "./support/temporary.js";

const segments = (files: StoreListing["closed"]): readonly number[] => files.map(({ name }) => name.segment);
const cursor = (lastClosedSegment: number) => ({
  lastClosedSegment: token(lastClosedSegment),
  lastVersion: 0,
});

/** What `filenames` answers for a server whose closed segments are these. */
const closedIn =
  (directory: string, closed: readonly number[]) =>
  ({ url }: { readonly url: string }): readonly string[] => {
    const last = Number(new URL(url, "http://x").searchParams.get("lastSegmentBackedUp") ?? -1);
    return closed
      .filter((segment) => segment > last)
      .map((segment) => `${directory}/${segmentFile(segment)}`);
  };

describe("open segments of servers that list closed ones only", () => {
  it("are found beside the closed ones; nothing else is", async () => {
    await withTemporary(async (directory) => {
      const data = `${directory}/default`;
      await makeFiles(data, [
        ...[0, 34, 66, 99].map((segment) => segmentFile(segment)),
        segmentFile(66, "index"),
        `${segmentFile(99)}.temp`,
        segmentFile(99, "snapshots"),
        `${segmentFile(133)}.transformed`,
        "README",
      ]);
      await withSource({ filenames: closedIn(data, [0, 34]) }, async (source) => {
        const listing = await source.list("default", "events", undefined);
        expect(listing.lastClosedSegment).to.equal(34);
        expect(segments(listing.closed)).to.deep.equal([0, 34]);
        expect(segments(listing.open)).to.deep.equal([66, 99]);
      });
    });
  });

  it("are found with one small listing when nothing is new", async () => {
    await withTemporary(async (directory) => {
      const data = `${directory}/default`;
      await makeFiles(
        data,
        [0, 34, 66].map((segment) => segmentFile(segment)),
      );
      await withSource({ filenames: closedIn(data, [0, 34]) }, async (source, server) => {
        const listing = await source.list("default", "events", cursor(34));
        expect(listing.lastClosedSegment).to.equal(34);
        expect(segments(listing.closed)).to.deep.equal([]);
        expect(segments(listing.open)).to.deep.equal([66]);
        const asked = server.seen.filter(({ url }) => url.includes("filenames")).map(({ url }) => url);
        expect(asked).to.deep.equal([
          "/v1/backup/filenames?type=EVENT&context=default&lastSegmentBackedUp=33",
        ]);
      });
    });
  });

  it("are found when retention has removed what the cursor stands at, and when the server stands behind it", async () => {
    await withTemporary(async (directory) => {
      const data = `${directory}/default`;
      await makeFiles(
        data,
        [66, 99].map((segment) => segmentFile(segment)),
      );
      await withSource({ filenames: closedIn(data, [66]) }, async (source) => {
        const newer = await source.list("default", "events", cursor(34));
        expect([newer.lastClosedSegment, ...segments(newer.closed), ...segments(newer.open)]).to.deep.equal([
          66, 66, 99,
        ]);
        const behind = await source.list("default", "events", cursor(500));
        expect([
          behind.lastClosedSegment,
          ...segments(behind.closed),
          ...segments(behind.open),
        ]).to.deep.equal([66, 99]);
      });
    });
  });

  it("keep their order when a segment rolls over in between", async () => {
    await withTemporary(async (directory) => {
      const data = `${directory}/default`;
      await makeFiles(
        data,
        [0, 34].map((segment) => segmentFile(segment)),
      );
      const list = closedIn(data, [0]);
      const filenames: typeof list = (request) => {
        // The answer is made; before it arrives, segment 34 is closed and 66 begun.
        const answer = list(request);
        writeFileSync(`${data}/${segmentFile(66)}`, "");
        return answer;
      };
      await withSource({ filenames }, async (source) => {
        const listing = await source.list("default", "events", undefined);
        expect([listing.lastClosedSegment, ...segments(listing.closed)]).to.deep.equal([0, 0]);
        expect(segments(listing.open)).to.deep.equal([34, 66]);
      });
    });
  });

  it("leave no gap while segments are made all the time", async () => {
    await withTemporary(async (directory) => {
      const data = `${directory}/default`;
      await makeFiles(data, [segmentFile(0), segmentFile(1)]);
      await withSource({ filenames: closedIn(data, [0]) }, async (source) => {
        let next = 2;
        const making = new AbortController();
        const maker = (async () => {
          while (!making.signal.aborted && next < 5000) await writeFile(`${data}/${segmentFile(next++)}`, "");
        })();
        for (let i = 0; i < 20; i++) {
          const open = segments((await source.list("default", "events", undefined)).open);
          expect(open).to.deep.equal(Array.from({ length: open.length }, (_, index) => index + 1));
        }
        making.abort();
        await maker;
      });
    });
  });

  it("need server.storage as long as nothing is closed", async () => {
    await withTemporary(async (directory) => {
      await makeFiles(directory, [
        `events/default/${segmentFile(0)}`,
        `snapshots/default/${segmentFile(0, "snapshots")}`,
      ]);
      await withSource({ filenames: () => [] }, async (source) => {
        const error = await failure(source.list("default", "events", undefined), "configuration");
        expect(error.remedy).to.contain("server.storage");
      });
      const storageRoots = [`${directory}/events`, `${directory}/missing`, `${directory}/snapshots/`];
      await withSource({ filenames: () => [], storageRoots }, async (source) => {
        for (const store of ["events", "snapshots"] as const) {
          const listing = await source.list("default", store, undefined);
          expect(listing.lastClosedSegment).to.equal(undefined);
          expect(listing.open.map(({ path }) => path)).to.deep.equal([
            `${directory}/${store}/default/${segmentFile(0, store)}`,
          ]);
        }
      });
    });
  });

  it("are missed loudly: none there, the directory not here, the same one twice", async () => {
    await withTemporary(async (directory) => {
      await makeFiles(directory, [
        `a/default/${segmentFile(0)}`,
        `b/default/${segmentFile(5)}`,
        `c/default/${segmentFile(5)}`,
      ]);
      await withSource({ filenames: closedIn(`${directory}/a/default`, [0]) }, async (source) => {
        const error = await failure(source.list("default", "events", undefined), "configuration");
        expect(error.message).to.contain(`${directory}/a/default`);
      });
      await withSource({ filenames: closedIn(`${directory}/gone/default`, [0]) }, async (source) => {
        const error = await failure(source.list("default", "events", undefined), "configuration");
        expect(error.remedy).to.contain("server.paths");
      });
      const storageRoots = ["a", "b", "c"].map((name) => `${directory}/${name}`);
      await withSource(
        { filenames: closedIn(`${directory}/a/default`, [0]), storageRoots },
        async (source) => {
          await failure(source.list("default", "events", undefined), "unexpected");
        },
      );
    });
  });

  it("are found once in a directory that has two names", async () => {
    await withTemporary(async (directory) => {
      await makeFiles(directory, [`data/default/${segmentFile(0)}`, `data/default/${segmentFile(5)}`]);
      await symlink("data", `${directory}/alias`);
      const storageRoots = [`${directory}/data`, `${directory}/alias`];
      await withSource(
        { filenames: closedIn(`${directory}/data/default`, [0]), storageRoots },
        async (source) => {
          expect(segments((await source.list("default", "events", undefined)).open)).to.deep.equal([5]);
        },
      );
    });
  });

  it("are not looked for in a directory that is a link to elsewhere", async () => {
    await withTemporary(async (directory) => {
      await makeFiles(directory, [`outside/${segmentFile(5)}`, "data/x"]);
      await symlink(`${directory}/outside`, `${directory}/data/default`);
      for (const storageRoots of [[`${directory}/data`], []])
        await withSource(
          { filenames: closedIn(`${directory}/data/default`, [0]), storageRoots },
          async (source) => {
            await failure(source.list("default", "events", undefined), "refused");
          },
        );
    });
  });
});
