import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import { S3Client } from "@aws-sdk/client-s3";
import { SinkError } from "@axon-backup/sink";
import type { Settings } from "./options.js";
import { agents } from "./proxy.js";

/** More than the calls that the engine makes at once, each with several parts on their way. */
const MAX_SOCKETS = 64;
/** Milliseconds until a server that doesn't take the connection counts as unreachable. */
const CONNECT_MS = 15_000;

/** A client of the SDK that never tries again, and leaves checksums to us. Reads the file with certificates. */
export async function createClient(settings: Settings): Promise<S3Client> {
  // The SDK's advice to use a newer Node is for those who choose its version, not for operators.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
  const { endpoint, region, credentials, ca } = settings;
  const { http, https } = agents({
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    ...(ca === undefined ? {} : { ca: [...rootCertificates, await certificates(ca)] }),
  });
  const client = new S3Client({
    ...(endpoint && { endpoint: endpoint.origin }),
    ...(region !== undefined && { region }),
    ...(credentials && {
      credentials: {
        accessKeyId: credentials.id,
        secretAccessKey: credentials.secret.reveal(),
        ...(credentials.token && { sessionToken: credentials.token.reveal() }),
      },
    }),
    forcePathStyle: settings.pathStyle,
    maxAttempts: 1,
    // See `RequestSignals`.
    cacheMiddleware: true,
    // Checksums are computed once, here: they are of parts that are in memory already, and are put together to the object's.
    requestChecksumCalculation: "WHEN_REQUIRED",
    // The engine compares what it reads with its own SHA-256.
    responseChecksumValidation: "WHEN_REQUIRED",
    // It costs a round trip for each part.
    expectContinueHeader: false,
    // By default the handler warns on the console.
    logger: SILENT,
    requestHandler: { httpAgent: http, httpsAgent: https, connectionTimeout: CONNECT_MS, logger: SILENT },
  });
  // It makes copies of each request and answer without what is secret, for the logger that doesn't take them.
  client.middlewareStack.remove("loggerMiddleware");
  return client;
}

const nothing = (): void => undefined;
const SILENT = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/**
 * Makes the client sign its requests without a hash of their bodies, which costs more than all the rest. For connections that are encrypted, to
 * servers that check the checksums of what they get.
 */
export function leavePayloadUnsigned(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args as { request: { body?: unknown; headers: Record<string, string> } };
      if (Buffer.isBuffer(request.body)) request.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD";
      return next(args);
    },
    { step: "build", name: "axonBackupUnsignedPayload", override: true },
  );
}

async function certificates(path: string): Promise<string> {
  let text;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new SinkError("invalid", `can't read the certificates of ca: ${String(error)}`, {
      cause: error,
      remedy: "Correct the path of ca, and let the agent's user read the file.",
    });
  }
  if (!text.includes("-----BEGIN CERTIFICATE-----"))
    throw new SinkError("invalid", `${path} of ca holds no certificate in PEM`, {
      remedy: "Give the certificate authority's certificate in PEM: -----BEGIN CERTIFICATE-----.",
    });
  return text;
}
