import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { bytesSource, readAll, SinkError, type SinkErrorKind } from "@axon-backup/sink";
import type { SftpOptions } from "@axon-backup/sink-sftp";
import { pendingWithoutServer, startSshd, type SshdServer } from "@axon-backup/test-servers";
import { caught, key, open } from "./support.js";

export const run = promisify(execFile);

/** A server for the tests of a block, and a folder for their files, which goes with it. */
export interface TestServer {
  readonly server: SshdServer;
  readonly dir: string;
}

/** Starts a server before the tests of this block, and ends it after them. */
export function serverForTests(): TestServer {
  let started: SshdServer | undefined;
  before(async function () {
    await pendingWithoutServer(this, "sshd");
    started = await startSshd();
  });
  after(() => started?.close());
  const get = (): SshdServer => {
    if (started === undefined) throw new Error("the server isn't there");
    return started;
  };
  return {
    get server() {
      return get();
    },
    get dir() {
      return join(get().root, "..");
    },
  };
}

/** That the promise rejects with a SinkError of this kind, with these texts in its message and remedy. */
export async function refuses(
  promise: Promise<unknown>,
  kind: SinkErrorKind,
  message: string | RegExp,
  remedy: string | RegExp,
): Promise<SinkError> {
  const error = await caught(promise);
  expect(error).to.be.instanceOf(SinkError);
  const refused = error as SinkError;
  expect(refused.message).to.match(new RegExp(message));
  expect(refused.remedy ?? "").to.match(new RegExp(remedy));
  expect(refused.kind).to.equal(kind);
  return refused;
}

/** That a sink with these options stores and reads. */
export async function works(server: SshdServer, options: Partial<SftpOptions>): Promise<void> {
  const sink = await open(server, options);
  try {
    await sink.put(key, bytesSource("abc"));
    expect(Buffer.from(await readAll(sink.get(key))).toString()).to.equal("abc");
  } finally {
    await sink.close();
  }
}
