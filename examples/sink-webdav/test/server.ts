import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import FileSystemAdapter from "@nephele/adapter-file-system";
import InsecureAuthenticator from "@nephele/authenticator-none";
import createServer from "nephele";

export interface WebDavServer {
  readonly url: string;
  /** The directory that it serves. */
  readonly root: string;
  close(): Promise<void>;
}

/** Starts a WebDAV server on a free port of this machine, with a temporary directory. */
export async function startServer(): Promise<WebDavServer> {
  const root = await mkdtemp(join(tmpdir(), "webdav-"));
  const app = createServer({
    adapter: new FileSystemAdapter({ root }),
    authenticator: new InsecureAuthenticator(),
  });
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
