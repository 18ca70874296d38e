/**
 * Where `check` tries a storage: `check-<time>-<machine>-<pid>-<random>/`. Such objects belong to no repository, and a sink that holds nothing else
 * is empty. The name tells who made them, so that those of a check that is dead can be removed.
 */
export interface Scratch {
  /** What its keys begin with; ends in `/`. */
  readonly prefix: string;
  readonly started: Date;
  /** Eight hexadecimal digits. */
  readonly machine: string;
  readonly pid: number;
}

/** Begins the keys of every check. */
export const SCRATCH = "check-";

const KEY = /^check-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{8}(?=\/|$)/;

/** The prefix of a check. `machine` and `random` are eight hexadecimal digits each. */
export function scratchPrefix({ started, machine, pid }: Omit<Scratch, "prefix">, random: string): string {
  const time = started.toISOString().replace(/\.\d+/, "").replace(/[-:]/g, "");
  return `${SCRATCH}${time}-${machine}-${pid}-${random}/`;
}

/** The check that made this key; undefined for a key that none did. */
export function parseScratch(key: string): Scratch | undefined {
  const match = KEY.exec(key);
  if (match === null) return undefined;
  const [prefix, year, month, day, hour, minute, second, machine = "", pid] = match;
  const started = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(started.getTime())
    ? undefined
    : { prefix: `${prefix}/`, started, machine, pid: Number(pid) };
}
