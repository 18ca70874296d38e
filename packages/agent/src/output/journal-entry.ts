import type { LogLevel } from "./log.js";

/** Those of syslog. */
export const PRIORITIES: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warn: 4, error: 3 };

/** Longer values are cut: an entry is one datagram. Characters. */
const LONGEST = 16_384;

/**
 * An entry of the journal in its own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): `MESSAGE`, `PRIORITY`, and each field under its name in capitals, as `SINK`, `MESSAGE_ID`; each of several sinks or contexts as a `SINK` or `CONTEXT` of its own.
 */
export function journalEntry(
  level: LogLevel,
  message: string,
  fields: Readonly<Record<string, unknown>>,
): Buffer {
  const entries: [string, unknown][] = [
    ["MESSAGE", message],
    ["PRIORITY", PRIORITIES[level]],
    ["SYSLOG_IDENTIFIER", "axon-backup"],
    ...Object.entries(fields).flatMap(([name, value]) => fieldsOf(name, value)),
  ];
  return Buffer.concat(
    entries.flatMap(([name, value]) => (name === "" || value === undefined ? [] : [field(name, value)])),
  );
}

/** What can be searched for, one by one: the journal takes a field several times. */
const LISTS: Readonly<Record<string, string>> = { contexts: "CONTEXT", sinks: "SINK" };

function fieldsOf(name: string, value: unknown): readonly [string, unknown][] {
  const each = LISTS[name];
  return each !== undefined && Array.isArray(value)
    ? value.map((one: unknown) => [each, one])
    : [[fieldName(name), value]];
}

function field(name: string, value: unknown): Buffer {
  const text = (typeof value === "string" ? value : JSON.stringify(value)).slice(0, LONGEST);
  if (!text.includes("\n")) return Buffer.from(`${name}=${text}\n`);
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from("\n")]);
}

/** `restorePoint` is `RESTORE_POINT`; what can't be a name is none: the journal keeps those that begin with _ for itself. */
export function fieldName(name: string): string {
  const capitals = name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toUpperCase()
    .replace(/[^A-Z0-9_]/g, "_");
  return /^[A-Z][A-Z0-9_]{0,63}$/.test(capitals) ? capitals : "";
}
