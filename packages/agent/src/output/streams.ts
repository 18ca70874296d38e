import { isJournal, type Journal } from "./journal.js";
import { JournalRelay } from "./journal-relay.js";

/** A stream that text is written to: standard output or standard error, or a test's. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** A stream that lines are read from. */
export type InputStream = NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined };

/** The process as a command sees it; a test brings its own. */
export interface Streams {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Where a person answers. Left out: nobody does. */
  readonly stdin?: InputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where standard error is systemd's journal: lines begin with their priority then, and what runs for long may give it entries with fields. */
  readonly journal?: Journal;
}

/** The real ones. */
export function processStreams(): Streams {
  const { stdout, stderr, stdin, env } = process;
  return { stdout, stderr, stdin, env, ...(isJournal(env, stderr.fd) && { journal: new JournalRelay() }) };
}

/** `stream`, with `clean` applied to everything that is written. */
export function cleanedStream(stream: OutputStream, clean: (text: string) => string): OutputStream {
  return {
    write: (text) => stream.write(clean(text)),
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
  };
}
