import { Interrupted, SIGNALS } from "./errors/interrupted.js";
import { EXIT_CODES } from "./exit-codes.js";

/** One abort signal for everything that runs. */
export interface SignalListener extends Disposable, SignalDiverter {
  readonly signal: AbortSignal;
}

/** Signals that mean something else to a service than to a command. */
export interface SignalDiverter {
  /** From now on this signal calls `listener`, and ends nothing. */
  divert(name: "SIGHUP" | "SIGUSR1", listener: () => void): Disposable;
}

/**
 * The first SIGINT, SIGTERM or SIGHUP aborts the signal, and the command ends cleanly; a second one ends the process at once.
 */
export function listenForSignals(): SignalListener {
  const controller = new AbortController();
  const diverted = new Map<NodeJS.Signals, () => void>();
  const stop = () => {
    for (const name of SIGNALS) process.off(name, listen);
  };
  const listen = (name: NodeJS.Signals) => {
    const listener = diverted.get(name);
    if (listener) {
      listener();
      return;
    }
    if (controller.signal.aborted) {
      // Whoever asks twice doesn't want to wait for anything any more. Node's own exit waits for file calls, and a network file system that hangs never ends them:
      // so the signal does its work.
      stop();
      process.kill(process.pid, name);
      // Reached by the first process of a container, which such a signal doesn't end.
      process.exit(EXIT_CODES.interrupted);
    }
    controller.abort(new Interrupted(SIGNALS.find((signal) => signal === name) ?? "SIGTERM"));
  };
  for (const name of SIGNALS) process.on(name, listen);
  return {
    signal: controller.signal,
    divert: (name, listener) => {
      const isOurs = SIGNALS.some((signal) => signal === name);
      diverted.set(name, listener);
      if (!isOurs) process.on(name, listen);
      return {
        [Symbol.dispose]: () => {
          diverted.delete(name);
          if (!isOurs) process.off(name, listen);
        },
      };
    },
    [Symbol.dispose]: stop,
  };
}

/** What became of writing to standard output. */
export interface OutputWatch extends Disposable {
  readonly error: Error | undefined;
}

/**
 * Keeps an error of standard output. A reader that went away (`axon-backup list | head -1`) has what it wanted; a full disk
 * behind a redirection means that the result isn't there.
 */
export function watchStandardOutput(): OutputWatch {
  listenForever();
  let found: Error | undefined;
  const watch = (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") found ??= error;
  };
  watches.add(watch);
  return {
    get error() {
      return found;
    },
    [Symbol.dispose]() {
      watches.delete(watch);
    },
  };
}

const watches = new Set<(error: NodeJS.ErrnoException) => void>();
let listening = false;

/** These listeners stay: an EPIPE can come after the last write, and must not end the process with a stack trace. */
function listenForever(): void {
  if (listening) return;
  listening = true;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    for (const watch of watches) watch(error);
  });
  // Nobody is left to tell when standard error fails.
  process.stderr.on("error", () => undefined);
}
