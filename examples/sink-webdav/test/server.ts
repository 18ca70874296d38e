import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import FileSystemAdapter from "@nephele/adapter-file-system";
import InsecureAuthenticator from "@nephele/authenticator-none";
import createServer from "nephele";

export interface WebDavServer {
  readonly url: string;
  /** The directory that it serves. */
  readonly root: string;
  close(): Promise<void>;
}

/** The server keeps a file open for good when its writer leaves while it is being opened: here that is noticed afterwards. */
class Files extends FileSystemAdapter {
  override async getResource(...args: Parameters<FileSystemAdapter["getResource"]>) {
    return watchful(await super.getResource(...args));
  }

  override async newResource(...args: Parameters<FileSystemAdapter["newResource"]>) {
    return watchful(await super.newResource(...args));
  }
}

function watchful<R extends Awaited<ReturnType<FileSystemAdapter["getResource"]>>>(resource: R): R {
  const setStream = resource.setStream.bind(resource);
  // A request that broke off tells its reader so once: this one asks when the file is open.
  resource.setStream = (input, ...others) => setStream(Readable.from(input), ...others);
  return resource;
}

/** Starts a WebDAV server on a free port of this machine, with a temporary directory. */
export async function startServer(): Promise<WebDavServer> {
  const root = await mkdtemp(join(tmpdir(), "webdav-"));
  const app = createServer({ adapter: new Files({ root }), authenticator: new InsecureAuthenticator() });
  const server = createHttpServer(app as unknown as RequestListener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    root,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(root, { recursive: true, force: true });
    },
  };
}
