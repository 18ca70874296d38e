import { execFileSync } from "node:child_process";
import { link, mkdir, rename, symlink, unlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";

import { expect } from "chai";

import {
  AxonServerError,
  type AxonServerSource,
  parseStoreFileName,
  type SourceFile,
} from "@axon-backup/axon-server";

import { failure } from "./support/failure.js";
import { allOpen, segmentFile, withSource } from "./support/source.js";
import { makeFiles, withTemporary } from "./support/temporary.js";

const FILE = segmentFile(0);
const SECRET = "the secret of somebody else";

/** A listed file, without asking the source: as if it had been listed. */
function fileAt(path: string, context = "default"): SourceFile {
  const name = parseStoreFileName(path.slice(path.lastIndexOf("/") + 1), "events");
  if (name === undefined) throw new Error(`not a segment: ${path}`);
  return { name, path, context };
}

async function contentOf(source: AxonServerSource, file: SourceFile): Promise<string> {
  const handle = await source.open(file);
  try {
    const buffer = new Uint8Array(handle.size + 10);
    return Buffer.from(buffer.subarray(0, await handle.read(buffer, 0))).toString();
  } finally {
    await handle.close();
  }
}

describe("a hostile listing", () => {
  const entries: readonly (readonly [string, string])[] = [
    ["traversal", `/data/default/../../etc/${FILE}`],
    ["traversal at the end", `/data/default/${FILE}/..`],
    ["another root", `/etc/default/${FILE}`],
    ["a root that begins alike", `/data2/default/${FILE}`],
    ["/etc/passwd", "/etc/passwd"],
    ["a file without the grammar", "/data/default/passwd"],
    ["a relative path", `data/default/${FILE}`],
    ["an empty string", ""],
    ["the directory", "/data/default/"],
    ["a newline in the name", `/data/default/${FILE}\n`],
    ["a newline in a directory", `/data/def\nault/${FILE}`],
    ["a NUL", `/data/default/${FILE}\0.zip`],
    ["a backslash", `/data/default\\${FILE}`],
    ["work in progress", `/data/default/${FILE}.temp`],
    ["a transformation", `/data/default/${FILE}.transformed`],
    ["the other store's file", `/data/default/${segmentFile(0, "snapshots")}`],
    ["another context's file", `/data/other/${FILE}`],
    ["a lone surrogate", `/data/\ud800/${FILE}`],
    ["a deceiving text", `/data/default/\u202e${FILE}`],
    ["a number beyond 2^53", "/data/default/99999999999999999999.events"],
    ["a very long text", `/data/${"x".repeat(1_000_000)}/${FILE}`],
  ];
  for (const [title, entry] of entries)
    it(`with ${title} is refused, whole`, async () => {
      const eventstore = allOpen([`/data/default/${segmentFile(7)}`, entry]);
      // Without roots, a directory named after the context is all that is asked.
      const named = entry === `/etc/default/${FILE}` || entry === `/data2/default/${FILE}`;
      for (const roots of named ? [["/data"]] : [["/data"], []])
        await withSource(
          { eventstore, storageRoots: roots, contexts: ["default", "other"] },
          async (source) => {
            const error = await failure(source.list("default", "events", undefined), "refused");
            expect(error.message).to.have.length.below(500);
            expect(error.message, "escaped").to.match(/^[^\p{Cc}\p{Cf}\p{Cs}]*$/u);
            expect(error.remedy).to.contain("server.storage");
          },
        );
    });

  it("is refused by filenames as well, before any directory is read", async () => {
    await withTemporary(async (directory) => {
      await makeFiles(directory, [`outside/default/${segmentFile(9)}`, "inside/default/x"]);
      const filenames = (): readonly string[] => [`${directory}/outside/default/${FILE}`];
      await withSource({ filenames, storageRoots: [`${directory}/inside`] }, async (source) => {
        await failure(source.list("default", "events", undefined), "refused");
      });
    });
  });

  it("with one file at two places is unexpected; spelled in two ways it is one file", async () => {
    const twice = allOpen([`/data/default/${FILE}`, `/data/./default//${FILE}`]);
    await withSource({ eventstore: twice, storageRoots: ["/data"] }, async (source) => {
      const { open } = await source.list("default", "events", undefined);
      expect(open.map(({ path }) => path)).to.deep.equal([`/data/default/${FILE}`]);
    });
    for (const other of [`/data/cold/default/${FILE}`, "/data/default/00000000000000.events"])
      await withSource(
        { eventstore: allOpen([`/data/default/${FILE}`, other]), storageRoots: ["/data"] },
        async (source) => {
          await failure(source.list("default", "events", undefined), "unexpected");
        },
      );
  });

  it("without any open segment is unexpected", async () => {
    const eventstore = () => ({ json: { lastClosedSegment: 0, filenames: [`/data/default/${FILE}`] } });
    for (const reply of [eventstore, allOpen([])])
      await withSource({ eventstore: reply, storageRoots: ["/data"] }, async (source) => {
        await failure(source.list("default", "events", undefined), "unexpected");
      });
  });

  it("of a million files is read in bounded time, of millions more refused", async function () {
    this.timeout(30_000);
    const million = Array.from(
      { length: 1_000_000 },
      (_, i) => `/data/./default/${segmentFile(999_999 - i)}`,
    );
    const eventstore = () => ({ json: { lastClosedSegment: 999_990, filenames: million } });
    await withSource({ eventstore, storageRoots: ["/data"] }, async (source) => {
      const { closed, open } = await source.list("default", "events", undefined);
      expect([closed.length, open.length, closed[0]?.name.segment]).to.deep.equal([999_991, 9, 0]);
    });
    const endless = new Array<string>(4_000_001).fill("/a");
    await withSource({ eventstore: allOpen(endless), storageRoots: ["/data"] }, async (source) => {
      await failure(source.list("default", "events", undefined), "unexpected");
    });
  });

  for (const context of ["..", ".", "", "a/b", "/etc", "a\nb", "a\0b", "ä"])
    it(`is not even asked for the context ${JSON.stringify(context)}`, async () => {
      await withSource({ contexts: [context], eventstore: allOpen([]) }, async (source, server) => {
        await failure(source.list(context, "events", undefined), "configuration");
        expect(server.seen).to.have.lengthOf(0);
      });
    });

  it("of a context that the server itself reports under such a name isn't the configuration's fault", async () => {
    await withSource({ contexts: ["../etc"], eventstore: allOpen([]) }, async (source) => {
      await source.identify();
      const error = await failure(source.list("../etc", "events", undefined), "refused");
      expect(error.message).to.include("the server reports a context");
    });
  });
});

describe("opening a file", () => {
  /** A storage root with one good file, and a secret outside of it. */
  async function withStorage(
    use: (source: AxonServerSource, root: string, outside: string) => Promise<void>,
    roots = true,
  ): Promise<void> {
    await withTemporary(async (directory) => {
      const root = join(directory, "data");
      const outside = join(directory, "outside");
      await makeFiles(root, [`default/${FILE}`]);
      await mkdir(join(outside, "default"), { recursive: true });
      await writeFile(join(outside, FILE), SECRET);
      await writeFile(join(outside, "default", FILE), SECRET);
      await withSource({ storageRoots: roots ? [root] : [] }, async (source) => {
        await use(source, root, outside);
      });
    });
  }

  for (const roots of [true, false]) {
    const title = roots ? "with storage roots" : "without storage roots";
    it(`reads a regular file, ${title}`, async () => {
      await withStorage(async (source, root) => {
        expect(await contentOf(source, fileAt(`${root}/default/${FILE}`))).to.equal(`default/${FILE}`);
      }, roots);
    });

    it(`refuses a link to a file, ${title}`, async () => {
      await withStorage(async (source, root, outside) => {
        const path = `${root}/default/${segmentFile(1)}`;
        await symlink(join(outside, FILE), path);
        expect((await failure(source.open(fileAt(path)), "refused")).message).to.contain("a symbolic link");
      }, roots);
    });

    it(`refuses a link to a directory elsewhere, ${title}`, async () => {
      await withStorage(async (source, root, outside) => {
        await mkdir(join(root, "tier"));
        await symlink(outside, join(root, "tier", "default"));
        await failure(source.open(fileAt(`${root}/tier/default/${FILE}`)), "refused");
      }, roots);
    });
  }

  it("follows a link to a directory that is inside, and roots that are links", async () => {
    await withStorage(async (_, root, outside) => {
      await symlink(root, join(outside, "root"));
      await symlink("default", join(root, "alias"));
      await withSource({ storageRoots: [join(outside, "root")] }, async (source) => {
        for (const name of ["default", "alias"])
          expect(await contentOf(source, fileAt(`${outside}/root/${name}/${FILE}`))).to.equal(
            `default/${FILE}`,
          );
      });
    });
  });

  it("refuses a directory, a FIFO and a socket, without waiting", async () => {
    await withStorage(async (source, root) => {
      const path = (segment: number): string => `${root}/default/${segmentFile(segment)}`;
      await mkdir(path(1));
      execFileSync("mkfifo", [path(2)]);
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(path(3), resolve));
      for (const [segment, what] of [
        [1, "a directory"],
        [2, "a FIFO"],
        [3, "a socket"],
      ] as const)
        expect((await failure(source.open(fileAt(path(segment))), "refused")).message).to.contain(
          `is ${what}`,
        );
      await new Promise((resolve) => server.close(resolve));
    });
  });

  it("refuses what no listing gave, whoever asks", async () => {
    await withStorage(async (source, root, outside) => {
      const good = fileAt(`${root}/default/${FILE}`);
      for (const path of [
        `${outside}/default/${FILE}`,
        `${root}/../outside/default/${FILE}`,
        `${root}/./default/${FILE}`,
        `${root}/default/other`,
        `default/${FILE}`,
      ])
        await failure(source.open({ ...good, path }), "refused");
      await failure(source.open({ name: "passwd", path: "/etc/passwd" }), "refused");
      await failure(source.open({ name: "controldb1.zip", path: "/etc/../tmp/controldb1.zip" }), "refused");
    });
  });

  it("says that a file vanished, or its directory, or all roots", async () => {
    await withStorage(async (source, root) => {
      await failure(source.open(fileAt(`${root}/default/${segmentFile(5)}`)), "vanished");
      const error = await failure(source.open(fileAt(`${root}/gone/${FILE}`)), "vanished");
      expect(error.remedy).to.contain("server.paths");
      await rename(root, `${root}.away`);
      await failure(source.open(fileAt(`${root}/default/${FILE}`)), "vanished");
    });
  });

  it("reads not one byte of another file while a file is swapped all the time", async function () {
    this.timeout(30_000);
    await withStorage(async (source, root, outside) => {
      const path = `${root}/default/${FILE}`;
      await link(path, `${root}/good`);
      const swap = async (): Promise<void> => {
        await symlink(join(outside, FILE), `${root}/new`);
        await rename(`${root}/new`, path);
        await link(`${root}/good`, `${root}/new`);
        await rename(`${root}/new`, path);
      };
      await readWhile(swap, async () => contentOf(source, fileAt(path)));
    });
  });

  it("refuses a directory that became a link just after a file of it was opened", async () => {
    await withStorage(async (source, root, outside) => {
      const directory = `${root}/default`;
      expect(await contentOf(source, fileAt(`${directory}/${FILE}`))).to.equal(`default/${FILE}`);
      await rename(directory, `${root}/away`);
      await symlink(join(outside, "default"), directory);
      await failure(source.open(fileAt(`${directory}/${FILE}`)), "refused");
    });
  });

  it("reads not one byte of another file while its directory is swapped all the time", async function () {
    this.timeout(30_000);
    await withStorage(async (source, root, outside) => {
      const directory = `${root}/default`;
      const swap = async (): Promise<void> => {
        await rename(directory, `${root}/away`);
        await symlink(join(outside, "default"), directory);
        await unlink(directory);
        await rename(`${root}/away`, directory);
      };
      await readWhile(swap, async () => contentOf(source, fileAt(`${directory}/${FILE}`)));
    });
  });

  /**
   * Reads while `swap` goes on, often enough: each time the good content, or an error. Without the checks on the opened file, the secret
   * is read within fewer.
   */
  async function readWhile(swap: () => Promise<void>, read: () => Promise<string>): Promise<void> {
    const reading = new AbortController();
    const swapping = (async () => {
      while (!reading.signal.aborted) {
        await swap();
        // Turns of the event loop, so that some readings meet the good state from beginning to end.
        for (let turns = Math.random() * 30; turns > 0; turns--) await setImmediate();
      }
    })();
    const met = { good: 0, refused: 0, vanished: 0 };
    try {
      while (met.good < 20 || met.good + met.refused + met.vanished < 300)
        try {
          expect(await read()).to.equal(`default/${FILE}`);
          met.good++;
        } catch (error) {
          if (!(error instanceof AxonServerError)) throw error;
          if (error.kind !== "refused" && error.kind !== "vanished") throw error;
          met[error.kind]++;
        }
    } finally {
      reading.abort();
      await swapping;
    }
  }
});
