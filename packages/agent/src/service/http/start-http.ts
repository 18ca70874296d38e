import { createServer } from "node:http";
import { formatListen, isLoopback, ListenError } from "./listen.js";
import type { HttpOptions, HttpService } from "./types.js";

/**
 * Serves what the service knows: metrics, health, the status page. Nothing can be changed by it.
 * @throws ListenError when there is no token where one is needed, or the address can't be listened at
 */
export async function startHttp(options: HttpOptions): Promise<HttpService> {
  const { listen, token } = options;
  if (token === undefined && !isLoopback(listen.host))
    throw new ListenError(
      `${formatListen(listen)} is reached by other machines, and there is no token for them`,
      "Set service.token, or listen at 127.0.0.1.",
    );
  const server = createServer((_, response) => {
    response.writeHead(503).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(listen.port, listen.host, resolve);
  });
  const address = server.address();
  return {
    address: { host: listen.host, port: typeof address === "object" ? (address?.port ?? 0) : 0 },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
