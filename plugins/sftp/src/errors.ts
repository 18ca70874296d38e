import { SinkError, type SinkErrorKind } from "@axon-backup/sink";

/** Status codes of SFTP version 3 (draft-ietf-secsh-filexfer-02, section 7). */
export const STATUS = {
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  unsupported: 8,
} as const;

/** The status code of an error that the server answered with, if it is one. */
export function status(error: unknown): number | undefined {
  if (error instanceof SinkError) return status(error.cause);
  // An aborted signal's reason has a number for its name, which no server said.
  if (error instanceof DOMException) return undefined;
  return error instanceof Error && "code" in error && typeof error.code === "number" ? error.code : undefined;
}

interface Meaning {
  readonly kind: SinkErrorKind;
  readonly text: string;
  readonly remedy?: string;
}

const MEANINGS: Readonly<Record<number, Meaning>> = {
  [STATUS.noSuchFile]: { kind: "not-found", text: "doesn't exist" },
  [STATUS.permissionDenied]: {
    kind: "denied",
    text: "permission denied",
    remedy: "Give the user of the sink read and write access to it on the server.",
  },
  // OpenSSH's answer to EINVAL and ENAMETOOLONG.
  [STATUS.badMessage]: {
    kind: "invalid",
    text: "the server refuses the request as invalid",
    remedy: "Choose a shorter path.",
  },
  [STATUS.unsupported]: {
    kind: "invalid",
    text: "the server can't do that",
    remedy: "Use OpenSSH's sftp-server or internal-sftp.",
  },
};

/** The server's answer to a request as a SinkError. @param action what failed, as "write" */
export function sinkError(error: unknown, action: string, path: string): unknown {
  const code = status(error);
  if (code === undefined || error instanceof SinkError) return error;
  const said = error instanceof Error ? error.message : "";
  const meaning = MEANINGS[code] ?? {
    kind: "transient",
    text: `the server says no more than "${said}"`,
    remedy: "Look at the server's disk, its quotas and its log.",
  };
  return new SinkError(
    meaning.kind,
    `can't ${action} ${path} on the server: ${meaning.text} (status ${code})`,
    { cause: error, ...(meaning.remedy === undefined ? {} : { remedy: meaning.remedy }) },
  );
}

/** The connection is gone. */
export function lostError(server: string, why: string, cause?: unknown): SinkError {
  return new SinkError("transient", `the connection to ${server} is lost: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    remedy: "See whether the server runs and the network is up. The next call connects anew.",
  });
}

/** There is no such object. */
export function missing(path: string, cause?: unknown): SinkError {
  return new SinkError(
    "not-found",
    `${path} doesn't exist on the server`,
    cause === undefined ? {} : { cause },
  );
}

/** What is in the place of an object and isn't a regular file. */
export function foreignError(path: string): SinkError {
  return new SinkError("invalid", `${path} on the server is neither a file nor a directory`, {
    remedy: "Something else wrote into the sink's directory: look at it, and move it away.",
  });
}
