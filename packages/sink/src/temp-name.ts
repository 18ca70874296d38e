import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

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
  /** Hash of whatever a process number is unique in: host, boot, process and time namespace. */
  readonly machine: string;
  readonly pid: number;
  /** When the process started, in the kernel's clock ticks; "0" where the system doesn't tell. */
  readonly start: string;
}

const PATTERN = /^\.tmp-([0-9a-f]{12})-([1-9][0-9]{0,9})-([0-9]{1,20})-[0-9a-f]{16}$/;

/** A temporary name's parts, or undefined when `name` isn't one of ours. */
export function parseTempName(name: string): TempName | undefined {
  const [, machine, pid, start] = PATTERN.exec(name) ?? [];
  if (machine === undefined || pid === undefined || start === undefined) return undefined;
  return { machine, pid: Number(pid), start };
}

/** A new temporary name of this process. */
export function newTempName(): string {
  const { machine, pid, start } = thisProcess();
  return `.tmp-${machine}-${pid}-${start}-${randomBytes(8).toString("hex")}`;
}

/** Whether the writer is dead for sure, is alive for all that can be known here, or runs where it can't be seen. */
export function writerState(writer: TempName): "dead" | "alive" | "elsewhere" {
  if (writer.machine !== thisProcess().machine) return "elsewhere";
  try {
    process.kill(writer.pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return "dead";
  }
  const start = startOf(writer.pid);
  return start === "0" || writer.start === "0" || start === writer.start ? "alive" : "dead";
}

let self: TempName | undefined;

function thisProcess(): TempName {
  self ??= { machine: machineId(), pid: process.pid, start: startOf(process.pid) };
  return self;
}

function machineId(): string {
  const facts = [
    hostname(),
    orEmpty(() => readFileSync("/proc/sys/kernel/random/boot_id", "latin1")),
    orEmpty(() => readlinkSync("/proc/self/ns/pid")),
    orEmpty(() => readlinkSync("/proc/self/ns/time")),
  ];
  return createHash("sha256").update(facts.join("\n")).digest("hex").slice(0, 12);
}

/** Field 22 of /proc/<pid>/stat (proc_pid_stat(5)). The second field, a name in parentheses, may hold anything. */
function startOf(pid: number): string {
  const stat = orEmpty(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  return (
    stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .at(19) ?? "0"
  );
}

// Systems without /proc, or that hide parts of it, identify a process by less.
function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
