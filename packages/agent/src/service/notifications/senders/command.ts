import { type ChildProcess, spawn } from "node:child_process";
import type { CommandTarget } from "../../../config/notifications-types.js";
import type { Message } from "../message.js";
import { DeliveryError, type Sender } from "./sender.js";

/** Of what it prints, what stands in the log: the end. Bytes. */
const MAX_OUTPUT = 4096;
/** Between asking it to end and ending it, and for what it printed at last. Milliseconds. */
const GRACE = 1000;

/** Of the agent's environment, what programs need to run; the rest may be secrets. */
const PASSED_ON = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/** Runs a program for each message. */
export function commandSender(
  { run: [program, ...args] }: CommandTarget,
  env: Readonly<Record<string, string | undefined>>,
): Sender {
  return {
    together: 1,
    async send([message], signal) {
      await run(program, args, environmentOf(message, env), message, signal);
      return undefined;
    },
  };
}

/** The message in environment variables: what shell scripts need, in a form that they can take. */
export function environmentOf(
  message: Message,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const passed = PASSED_ON.flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const told: Readonly<Record<string, string | number | boolean | null>> = {
    EVENT: message.event,
    SEVERITY: message.severity,
    ID: message.id,
    TIME: message.time,
    SINCE: message.since,
    REMINDER: message.reminder,
    HOST: message.host,
    SERVER: message.server,
    SINK: message.sink,
    JOB: message.job,
    SUBJECT: message.subject,
    TEXT: message.text,
  };
  // Empty rather than missing: scripts run with `set -u`.
  const values = Object.entries(told).map(([name, value]) => [`AXON_BACKUP_${name}`, String(value ?? "")]);
  return Object.fromEntries([...passed, ...values]) as Record<string, string>;
}

async function run(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
  message: Message,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  // A process group of its own: what it starts is ended with it.
  const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"], detached: true, cwd: "/" });
  const output = collect(child);
  // It need not read it.
  child.stdin.on("error", () => undefined);
  child.stdin.end(`${JSON.stringify(message)}\n`);
  const stop = (): void => {
    end(child, "SIGTERM");
    setTimeout(() => {
      end(child, "SIGKILL");
    }, GRACE).unref();
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    const { code, killedBy } = await ended(child, program);
    if (signal.aborted) {
      end(child, "SIGKILL");
      throw new DeliveryError(
        `${program} was ended before it was done`,
        "Make it faster, or give it more time with notifications.command.timeout.",
        { refused: true, output: output() },
      );
    }
    if (code === 0) return;
    throw new DeliveryError(
      killedBy === null
        ? `${program} ended with exit code ${String(code)}`
        : `${program} was killed (${killedBy})`,
      "Look at what it printed, and run it by hand with a message on its standard input.",
      { refused: true, output: output() },
    );
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Waits for its end, and then for the rest of what it printed: not for what it left behind with its output open. */
function ended(
  child: ChildProcess,
  program: string,
): Promise<{ readonly code: number | null; readonly killedBy: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      reject(
        new DeliveryError(
          `${program} can't be started: ${error.message}`,
          "Check that it is there, and that the agent's user may run it.",
          { refused: true, cause: error },
        ),
      );
    });
    child.once("exit", (code, killedBy) => {
      const done = (): void => {
        clearTimeout(timer);
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve({ code, killedBy });
      };
      const timer = setTimeout(done, GRACE);
      child.once("close", done);
    });
  });
}

/** Kills it and what it started. */
function end({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
}

function collect({ stdout, stderr }: ChildProcess): () => string {
  let last = Buffer.alloc(0);
  const take = (part: Buffer): void => {
    last = Buffer.concat([last, part]).subarray(-MAX_OUTPUT);
  };
  stdout?.on("data", take);
  stderr?.on("data", take);
  return () => last.toString("utf8").trim();
}
