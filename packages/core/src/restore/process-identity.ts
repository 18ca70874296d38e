import { readFile } from "node:fs/promises";
import { hostname } from "node:os";

/** Names a process so that another one can't be taken for it later. */
export interface ProcessIdentity {
  readonly host: string;
  /** Of the running kernel; null where it can't be told (not Linux). */
  readonly boot: string | null;
  readonly pid: number;
  /** When it started, in clock ticks since the boot; null where it can't be told. */
  readonly started: string | null;
}

/** This process. */
export async function thisProcess(): Promise<ProcessIdentity> {
  return {
    host: hostname(),
    boot: await bootId(),
    pid: process.pid,
    started: (await processState(process.pid))?.started ?? null,
  };
}

/** Whether the process still runs. `unknown` when it is (or was) one of another machine or container. */
export async function liveness(identity: ProcessIdentity): Promise<"alive" | "dead" | "unknown"> {
  if (identity.host !== hostname()) return "unknown";
  const boot = await bootId();
  if (boot !== null && identity.boot !== null && boot !== identity.boot) return "dead";
  if (!exists(identity.pid)) return "dead";
  const state = await processState(identity.pid);
  if (state === undefined) return "alive";
  const isZombie = state.state === "Z" || state.state === "X";
  return isZombie || (identity.started !== null && identity.started !== state.started) ? "dead" : "alive";
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

async function bootId(): Promise<string | null> {
  return (await readOptional("/proc/sys/kernel/random/boot_id"))?.trim() ?? null;
}

/** Fields 3 and 22 of /proc/<pid>/stat. The name, in parentheses, may hold anything: what counts stands behind the last one. */
async function processState(
  pid: number,
): Promise<{ readonly state: string; readonly started: string } | undefined> {
  const stat = await readOptional(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, started] = [fields?.[0], fields?.[19]];
  return state === undefined || started === undefined ? undefined : { state, started };
}

/** Not every system has /proc, and not every process stays: both give undefined. */
async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}
