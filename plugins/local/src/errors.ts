import { SinkError, type SinkErrorKind } from "@axon-backup/sink";

/** The `code` of an error of Node's file system calls, if it is one. */
export function errno(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

interface Meaning {
  readonly kind: SinkErrorKind;
  readonly text: string;
  readonly remedy?: string;
}

const FULL = "Free space on this file system or move the sink to a larger storage.";
const DENIED = "Give the user that runs axon-backup read and write access to it.";
const FOREIGN = "Something else wrote into the sink's directory: look at it, and move it away.";

// Whatever isn't here (EIO, ESTALE, EBUSY, ETIMEDOUT, EMFILE, …) may go away by itself.
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOENT: { kind: "not-found", text: "doesn't exist" },
  ENOSPC: { kind: "full", text: "no space left", remedy: FULL },
  EDQUOT: {
    kind: "full",
    text: "quota exceeded",
    remedy: "Raise the quota or move the sink to a larger storage.",
  },
  EACCES: { kind: "denied", text: "permission denied", remedy: DENIED },
  EPERM: { kind: "denied", text: "not permitted", remedy: DENIED },
  EROFS: { kind: "denied", text: "the file system is read-only", remedy: "Mount it writable." },
  ELOOP: { kind: "invalid", text: "is a symbolic link, which is never followed", remedy: FOREIGN },
  ENOTDIR: { kind: "invalid", text: "a part of the path is not a directory", remedy: FOREIGN },
  EISDIR: { kind: "invalid", text: "is a directory, not a file", remedy: FOREIGN },
  ENOTEMPTY: { kind: "invalid", text: "is a directory with files in it, not a file", remedy: FOREIGN },
  ENAMETOOLONG: {
    kind: "invalid",
    text: "the path is too long for this file system",
    remedy: "Choose a shorter path.",
  },
  EINVAL: { kind: "invalid", text: "the file system refuses the request" },
  EFBIG: {
    kind: "invalid",
    text: "larger than this file system's files can be",
    remedy: "Use another file system.",
  },
};

/** An error of a file system call as a SinkError. @param action what failed, as "write" */
export function sinkError(error: unknown, action: string, path: string): unknown {
  const code = errno(error);
  if (code === undefined || error instanceof SinkError) return error;
  const meaning = MEANINGS[code] ?? {
    kind: "transient",
    text: error instanceof Error ? error.message : code,
  };
  return new SinkError(meaning.kind, `can't ${action} ${path}: ${meaning.text} (${code})`, {
    cause: error,
    ...(meaning.remedy === undefined ? {} : { remedy: meaning.remedy }),
  });
}

/** Waits for a file system call and turns its error into a SinkError. */
export async function attempt<T>(action: string, path: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw sinkError(error, action, path);
  }
}

/** What is in the place of an object and isn't a regular file. */
export function foreignError(path: string, what: string): SinkError {
  return new SinkError("invalid", `${path} is ${what}, which axon-backup never makes and never follows`, {
    remedy: FOREIGN,
  });
}
