import { randomBytes } from "node:crypto";
import { machineOf, type ProcessState, processStateOn, thisProcess } from "./process-identity.js";

/**
 * How long, in milliseconds by the storage's clock, a file of a writer that can't be seen from here (another machine, container or boot) must have been
 * untouched to be a leftover. A living writer touches its file with every buffer that it writes.
 */
export const ELSEWHERE_MS = 24 * 60 * 60 * 1000;

/**
 * Names of temporary files of sinks that keep objects as files: `.tmp-<machine>-<pid>-<start>-<random>`. The leading dot keeps them outside the key grammar, so that no
 * list ever shows one. The rest tells whether their writer still lives.
 */
export interface TempName {
  /** What `machineOf` gives. */
  readonly machine: string;
  readonly pid: number;
  /** When the process started, in the kernel's clock ticks; "0" where the system doesn't tell. */
  readonly start: string;
}

const UNKNOWN_START = "0";
const PATTERN = /^\.tmp-([0-9a-f]{12})-([1-9][0-9]{0,9})-([0-9]{1,20})-[0-9a-f]{16}$/;

/** A temporary name's parts, or undefined when `name` isn't one of ours. */
export function parseTempName(name: string): TempName | undefined {
  const [, machine, pid, start] = PATTERN.exec(name) ?? [];
  if (machine === undefined || pid === undefined || start === undefined) return undefined;
  return { machine, pid: Number(pid), start };
}

/** A new temporary name of this process. */
export function newTempName(): string {
  const self = thisProcess();
  const random = randomBytes(8).toString("hex");
  return `.tmp-${machineOf(self)}-${self.pid}-${self.started ?? UNKNOWN_START}-${random}`;
}

/** Whether the writer is dead for sure, is alive for all that can be known here, or runs where it can't be seen. */
export function writerState({ machine, pid, start }: TempName): ProcessState {
  return processStateOn(machine, pid, start === UNKNOWN_START ? null : start);
}
