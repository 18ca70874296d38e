import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** A file in a server's folder as long as the server is down, to be started again there. */
const RESTARTS = ".restarts";

/**
 * Runs a command until its standard input ends, which it does when this process dies, however it dies. Then the command and its own children
 * are killed, and its folder is removed.
 */
const WATCHDOG = `
dir=$1; shift
exec 3<&0
"$@" 3<&- </dev/null &
child=$!
( cat <&3 >/dev/null; pkill -KILL -P $child; kill -KILL $child ) 2>/dev/null &
# What the shell says of the killed must not end it: nobody may be there to read it.
exec 3<&- 2>/dev/null
wait $child
code=$?
[ -e "$dir/${RESTARTS}" ] || rm -rf "$dir"
exit $code
`;

/** How long a server may take to be ready, in milliseconds: a machine may be busy with other tests. */
const READY_MS = 60_000;

/** How a server ends before it is started again. */
export interface RestartOptions {
  /** Milliseconds until it is started again. Default 0. */
  readonly down?: number;
}

export interface ServerProcess {
  /** The server's own folder. */
  readonly dir: string;
  /** Ends the server, and starts it again where it was, with what it has stored. Resolves when it is ready. */
  restart(options?: RestartOptions): Promise<void>;
  /** Ends the server and removes its folder. May be called twice. */
  close(): Promise<void>;
}

export interface StartOptions {
  readonly dir: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Rejects or resolves with false as long as the server isn't ready. */
  readonly ready: () => Promise<boolean>;
  /** What `restart` ends it by. Default: killed, with its children. `SIGTERM` for a server that loses what it has confirmed when it is killed (Linux). */
  readonly restartBy?: "SIGKILL" | "SIGTERM";
}

/**
 * Starts a server and waits until it is ready. Its output goes nowhere but into the error when it ends by itself or isn't ready in a minute.
 */
export async function startProcess(options: StartOptions): Promise<ServerProcess> {
  const { dir, restartBy = "SIGKILL" } = options;
  let running = await startOnce(options);
  let isClosed = false;
  return {
    dir,
    restart: async ({ down = 0 } = {}) => {
      const mark = join(dir, RESTARTS);
      await writeFile(mark, "");
      if (restartBy === "SIGTERM") await endByTerm(running);
      await running.end();
      await delay(down);
      if (isClosed) return;
      running = await startOnce(options);
      await rm(mark);
    },
    close: async () => {
      isClosed = true;
      await running.end();
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

interface RunningServer {
  readonly child: ChildProcess;
  readonly exit: Promise<unknown>;
  /** Kills it. */
  end(): Promise<void>;
}

async function startOnce(options: StartOptions): Promise<RunningServer> {
  const { dir, command, args, env, uid, gid, ready } = options;
  const child = spawn("/bin/sh", ["-c", WATCHDOG, "watchdog", dir, command, ...args], {
    cwd: dir,
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...env },
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  const output = collect(child);
  const exit = once(child, "exit");
  const end = async (): Promise<void> => {
    // Else a process with nothing else to do ends here, in the middle.
    child.ref();
    child.stdin.end();
    await exit;
  };
  try {
    for (const end = Date.now() + READY_MS; !(await ready().catch(() => false));) {
      if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}: ${output()}`);
      if (Date.now() > end) throw new Error(`${command} isn't ready after ${READY_MS} ms: ${output()}`);
      await delay(20);
    }
  } catch (error) {
    await end();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    throw error;
  }
  // A test process that is done must be able to end without close().
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr])
    (stream as typeof stream & { unref?: () => void }).unref?.();
  return { child, exit, end };
}

/** Sends the signal to the server itself, the shell's first child, and waits for its end. */
async function endByTerm({ child, exit }: RunningServer): Promise<void> {
  const { pid = 0 } = child;
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "latin1");
  child.ref();
  process.kill(Number(children.split(" ")[0]), "SIGTERM");
  await exit;
}

/** The last of what the child says. */
function collect(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => {
      text = (text + chunk.toString("utf8")).slice(-4000);
    });
  // Written to by nobody; broken when the server is gone.
  child.stdin?.on("error", () => undefined);
  return () => text.trim();
}

/** A new folder for a server. Others may pass through it: a server may run as another user. */
export async function serverFolder(name: string, parent = tmpdir()): Promise<string> {
  const dir = await mkdtemp(join(parent, `axon-backup-${name}-`));
  await chmod(dir, 0o755);
  return dir;
}

/** A port of 127.0.0.1 that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Whether something listens there. */
export async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
