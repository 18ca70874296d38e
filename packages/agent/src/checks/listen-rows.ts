import { request } from "node:http";
import type { Configuration } from "../config/types.js";
import { resolveSecret, type SecretContext } from "../secrets/resolve.js";
import { INSTANCE_HEADER, instanceOf } from "../service/http/instance.js";
import { formatListen, type ListenAddress } from "../service/http/listen.js";
import { tryToListen } from "../service/http/start-http.js";
import { failedRow } from "./failed-row.js";
import { type CheckRow, failed, ok } from "./types.js";

/** Milliseconds for an answer from whoever listens there. */
const PATIENCE = 3000;

/** Whether the service could be asked how it is: its token is there, and it can listen where it is to, or does. */
export async function listenRows(
  { directory, service: { listen, token } }: Pick<Configuration, "directory" | "service">,
  secrets: SecretContext,
  signal: AbortSignal,
): Promise<readonly CheckRow[]> {
  if (listen === undefined) return [];
  const subject = formatListen(listen);
  try {
    if (token) await resolveSecret(token, "service.token", { ...secrets, signal });
  } catch (error) {
    signal.throwIfAborted();
    return [failedRow("listen", subject, error)];
  }
  try {
    await tryToListen(listen);
    return [ok("listen", subject, "the service can listen there: nobody does")];
  } catch (error) {
    signal.throwIfAborted();
    if (!isTaken(error)) return [failedRow("listen", subject, error)];
  }
  return [await takenRow(subject, listen, instanceOf(directory), signal)];
}

async function takenRow(
  subject: string,
  listen: ListenAddress,
  own: string,
  signal: AbortSignal,
): Promise<CheckRow> {
  const { who, instance } = await askWho(listen, signal);
  if (instance === own) return ok("listen", subject, "the service runs, and listens there");
  return failed(
    "listen",
    subject,
    `the service can't listen there: ${instance === undefined ? who : "the axon-backup service of another configuration does"}`,
    `\`ss -ltnp 'sport = :${listen.port}'\`, run as root, tells which process it is. End it, or set service.listen in agent.yaml to another address, or to off.`,
  );
}

function isTaken(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
}

interface Listener {
  readonly who: string;
  /** Of a service of axon-backup's alone. */
  readonly instance: string | undefined;
}

/** Asks whoever listens there for `/healthz`. Never rejects. */
function askWho({ host, port }: ListenAddress, signal: AbortSignal): Promise<Listener> {
  // Whoever listens at every address is reached at this one.
  const reached = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  const over = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  return new Promise((resolve) => {
    request({ host: reached, port, path: "/healthz", agent: false, signal: over }, (response) => {
      response.resume().on("error", () => undefined);
      const { statusCode, headers } = response;
      const instance = headers[INSTANCE_HEADER];
      const { server } = headers as { readonly server?: string };
      const name = server === undefined ? "" : ` and calls itself ${server.slice(0, 80)}`;
      resolve({
        who: `another process does, which answers /healthz with ${statusCode}${name}`,
        instance: typeof instance === "string" ? instance : undefined,
      });
      response.destroy();
    })
      .on("error", () => {
        resolve({ who: "another process does, which doesn't answer HTTP", instance: undefined });
      })
      .end();
  });
}
