import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";

/** A file system of a few KiB, in memory. It exists in a mount namespace of its own, so that nobody has to be root. */
export interface SmallDisk {
  /** Where commands that are started through the disk see it. */
  readonly path: string;
  /** The same directory, for this process. */
  readonly here: string;
  /** What starts a command that sees the disk: a program and its arguments. */
  readonly through: readonly string[];
  close(): Promise<void>;
}

/**
 * Mounts a small disk on `path`, a directory that is made.
 * @param size as mount(8) takes it: `400k`
 * @returns why this machine can't: a title for a test that is pending. With CI set, that is an error.
 */
export async function openSmallDisk(path: string, size: string): Promise<SmallDisk | string> {
  mkdirSync(path, { recursive: true });
  // Says when it is mounted, and stays until its standard input is closed.
  const script = 'mount -t tmpfs -o "size=$1" none "$0" && echo mounted && exec cat';
  const holder = spawn("unshare", ["--user", "--map-root-user", "--mount", "sh", "-c", script, path, size], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let said = "";
  holder.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<string>((resolve) => {
    holder.on("error", (error) => {
      resolve(error.message);
    });
    holder.on("close", () => {
      resolve(said.trim());
    });
  });
  const failed = await Promise.race([once(holder.stdout, "data").then(() => undefined), ended]);
  if (failed !== undefined || holder.pid === undefined) {
    const reason = `no small file system can be mounted: ${failed ?? "no process"}; remedy: allow user namespaces (kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)`;
    if (process.env["CI"] !== undefined) throw new Error(reason);
    return reason;
  }
  return {
    path,
    here: `/proc/${holder.pid}/root${path}`,
    through: ["nsenter", `--target=${holder.pid}`, "--user", "--mount", "--preserve-credentials", "--"],
    async close() {
      holder.stdin.end();
      await ended;
    },
  };
}
