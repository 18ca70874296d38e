import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** Names a process so that another one can't be taken for it later. Plain data, to be written down; a fact is null where the system doesn't tell it (not Linux, no /proc). */
export interface ProcessIdentity {
  readonly host: string;
  /** Of the running kernel. */
  readonly boot: string | null;
  /** The process and time namespaces, in which a process number and a time of starting mean something: those of a container, for instance. */
  readonly namespaces: string | null;
  readonly pid: number;
  /** When it started, in clock ticks since the boot. */
  readonly started: string | null;
}

/** Dead for sure; alive, for all that can be known here; or running (or not) where it can't be seen: on another machine, in another container. */
export type ProcessState = "alive" | "dead" | "elsewhere";

let self: ProcessIdentity | undefined;

/** This process. */
export function thisProcess(): ProcessIdentity {
  self ??= {
    host: hostname(),
    boot: orNull(() => readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()),
    namespaces: namespaces(),
    pid: process.pid,
    started: statOf(process.pid)?.started ?? null,
  };
  return self;
}

/** As `pid:[4026531836] time:[4026531834]`; old kernels have none of time. */
function namespaces(): string | null {
  const links = ["pid", "time"].map((kind) => orNull(() => readlinkSync(`/proc/self/ns/${kind}`)));
  return links.filter((link) => link !== null).join(" ") || null;
}

/** What has become of a process. One that has ended and was not waited for (a zombie) is dead: it holds nothing any more. */
export function processState(identity: ProcessIdentity): ProcessState {
  const here = thisProcess();
  if (identity.host !== here.host) return "elsewhere";
  if (differ(identity.boot, here.boot)) return isThere(identity, here) ? "alive" : "dead";
  if (differ(identity.namespaces, here.namespaces)) return "elsewhere";
  if (!exists(identity.pid)) return "dead";
  const stat = statOf(identity.pid);
  if (stat === undefined) return "alive";
  return hasEnded(stat) || differ(identity.started, stat.started) ? "dead" : "alive";
}

/**
 * Whether the very process is there although it was of another boot, as it says. A container of systemd-nspawn has a boot id of its own, by a mount that a service in it doesn't see when it has a /proc of its own
 * (ProtectProc=): the service and a command that is typed differ then.
 */
function isThere({ pid, started, namespaces: where }: ProcessIdentity, here: ProcessIdentity): boolean {
  const stat = where === here.namespaces && started !== null ? statOf(pid) : undefined;
  return stat !== undefined && !hasEnded(stat) && stat.started === started;
}

function hasEnded({ state }: { readonly state: string }): boolean {
  return state === "Z" || state === "X";
}

/** Twelve hexadecimal digits for whatever a process number is unique in: host, boot and namespaces. For names that have no room for all of it. */
export function machineOf({ host, boot, namespaces }: ProcessIdentity): string {
  const facts = [host, boot ?? "", namespaces ?? ""];
  return createHash("sha256").update(facts.join("\n")).digest("hex").slice(0, 12);
}

/**
 * The same of a process that is known by less: `machine` is what `machineOf` gave, or its first digits. A boot that is over can't be told from another machine by it: its processes are `elsewhere`.
 * @param started null where it isn't known: another process of the same number is then taken for it
 */
export function processStateOn(machine: string, pid: number, started: string | null): ProcessState {
  const here = thisProcess();
  return machineOf(here).startsWith(machine) ? processState({ ...here, pid, started }) : "elsewhere";
}

/** Whether two facts are known to differ. */
function differ(one: string | null | undefined, other: string | null): boolean {
  return typeof one === "string" && other !== null && one !== other;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and another user's.
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

/** Fields 3 and 22 of /proc/<pid>/stat (proc_pid_stat(5)). The second field, a name in parentheses, may hold anything: what counts stands behind the last one. */
function statOf(pid: number): { readonly state: string; readonly started: string } | undefined {
  const stat = orNull(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, started] = [fields?.[0], fields?.[19]];
  return state === undefined || started === undefined ? undefined : { state, started };
}

/** Not every system has /proc, some hide parts of it, and not every process stays. */
function orNull(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
