import { processState, type ProcessIdentity, thisProcess } from "@axon-backup/sink";
import { EngineError, LockedError } from "../errors.js";
import { WRITER_KEY } from "../repository/layout.js";

/** The commands that write to a repository under its lock. */
export type WriterCommand = "backup" | "prune" | "run";

/** What `writer.json` says: who writes to the repository. */
export interface Holder {
  /** Of this lease alone. */
  readonly id: string;
  readonly process: ProcessIdentity;
  readonly agent: string;
  /** What it does. Left out by older agents. */
  readonly command?: WriterCommand;
  /** When the run began, and when it last said that it lives; by the holder's clock. */
  readonly since: string;
  readonly renewed: string;
  /** The run has ended, on a storage where it may not delete. */
  readonly released?: true;
}

/** Who takes a lease. */
export interface LeaseOwner {
  /** This process, if left out; tests have several. */
  readonly process?: ProcessIdentity | undefined;
  readonly command?: WriterCommand | undefined;
}

/** The leases that this process holds: those that it wrote and doesn't hold any more are over. */
const held = new Set<string>();

export function newHolder(
  id: string,
  agent: string,
  now: Date,
  { process = thisProcess(), command }: LeaseOwner = {},
): Holder {
  const since = now.toISOString();
  return { id, process, agent, ...(command && { command }), since, renewed: since };
}

export function holding(id: string): void {
  held.add(id);
}

export function letGo(id: string): void {
  held.delete(id);
}

/**
 * Whether the run that wrote it has ended, as far as that can be known here; a process that only stands still has not. One of another boot may be of another machine of the same name, as machines have that were
 * copied: its lock is waited for like any other that can't be looked into.
 */
export function stateOf({ id, process, released }: Holder): "over" | "alive" | "elsewhere" {
  if (released) return "over";
  const state = processState(process);
  if (state === "elsewhere") return "elsewhere";
  const self = thisProcess();
  if (state === "dead") return process.boot === self.boot ? "over" : "elsewhere";
  const isThis = process.pid === self.pid && process.started === self.started;
  return isThis && !held.has(id) ? "over" : "alive";
}

/** What a run that lost its lease leaves. */
const LEFT: Readonly<Record<WriterCommand, string>> = {
  backup: "No restore point was committed.",
  prune: "The restore points that are left are whole.",
  run: "What was committed before stays.",
};

/** @param holder undefined when what is there can't be read */
export function lockedBy(holder: Holder | undefined, expiry: number): LockedError {
  const seconds = Math.round(expiry / 1000);
  const takenOver = `If it is dead, the lock is taken over by a run that finds it unchanged for ${seconds} s.`;
  return holder === undefined
    ? new LockedError(
        `${WRITER_KEY} on the sink shows that another run writes to this repository; it can't be read, so it doesn't tell which`,
        `Wait for its end. ${takenOver}`,
        undefined,
      )
    : new LockedError(
        `another ${nameOf(holder)} writes to this repository: process ${holder.process.pid} on ${holder.process.host}, since ${holder.since}`,
        `${holder.command === "run" ? RUNNING : "Wait for its end"}, and let only one agent write to a repository: another one needs a path or prefix of its own. ${takenOver}`,
        holder.process,
      );
}

/** The service makes restore points itself, and has the lock as long as events come. */
const RUNNING =
  "The service makes restore points by its schedule, and one at once when it gets the signal USR1 (systemctl kill -s USR1 axon-backup); for anything else that writes, stop it first";

function nameOf({ command }: Holder): string {
  return command === "run" ? "axon-backup, as a service," : (command ?? "run");
}

/** @param to who holds it now */
export function lostLease({ id, command }: Holder, to: Holder | undefined): EngineError {
  const who =
    to === undefined || to.id === id
      ? "another run took it over and has ended since, or somebody has removed it"
      : `process ${to.process.pid} on ${to.process.host} has it since ${to.since}`;
  return new EngineError(
    "locked",
    `this run's lock on the repository, ${WRITER_KEY}, was lost: ${who}`,
    `${LEFT[command ?? "backup"]} It happens when a run stands still for long (a suspended machine, say) and another one takes over. The next run goes on.`,
  );
}
