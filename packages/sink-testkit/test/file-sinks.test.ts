import { existsSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { bytesSource, ELSEWHERE_MS, objectKey, parseTempName, writerState } from "@axon-backup/sink";
import {
  filledSource,
  KEPT_BYTES,
  leaveTemporaryFiles,
  memorySink,
  requireWholePut,
  stuckSource,
  temporaryFiles,
  withDirectory,
} from "@axon-backup/sink-testkit";
import { expect } from "chai";

const key = objectKey("a/b");

/** What the promise rejects with; undefined if it doesn't. */
const rejected = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("helpers for sinks that keep files", () => {
  it("tell a whole object of a writer from a part of one, and from a mixture", async () => {
    const sink = memorySink();
    await sink.put(key, filledSource(KEPT_BYTES + 7, 3, 7));
    await requireWholePut(sink, key);
    const part = new Uint8Array(2 * (KEPT_BYTES + 7)).fill(7);
    const mixture = new Uint8Array(3 * (KEPT_BYTES + 7)).fill(7).fill(8, KEPT_BYTES);
    for (const [bytes, message] of [
      [part, "200014 bytes"],
      [mixture, "mixture"],
    ] as const) {
      await sink.put(key, bytesSource(bytes));
      expect(String(await rejected(requireWholePut(sink, key)))).to.include(message);
    }
  });

  it("leave three temporary files, of which a sink must take the second alone for a leftover", async () => {
    let gone = "";
    await withDirectory(async (directory) => {
      gone = directory;
      const place = join(directory, "contexts");
      await mkdir(place);
      await leaveTemporaryFiles(place);
      const names = [...(await temporaryFiles(directory))].sort();
      expect(names).to.have.length(3);
      const leftovers: string[] = [];
      for (const name of names) {
        const writer = parseTempName(name.slice("contexts/".length));
        const age = Date.now() - (await stat(join(directory, name))).mtimeMs;
        if (writer && writerState(writer) === "elsewhere" && age > ELSEWHERE_MS) leftovers.push(name);
      }
      expect(leftovers).to.deep.equal([names[1]]);
    });
    expect(existsSync(gone)).to.equal(false);
  });

  it("have a source that is stuck until it is aborted", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const source = stuckSource(10, new Uint8Array(5), () => {
      controller.abort(reason);
    });
    expect(await rejected(memorySink().put(key, source, { signal: controller.signal }))).to.equal(reason);
  });
});
