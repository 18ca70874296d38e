import type { Stats } from "node:fs";
import { lstat, readFile } from "node:fs/promises";
import { userInfo } from "node:os";

import { AxonServerError } from "../errors.js";
import { directoryName } from "../files/path.js";
import { isErrno } from "./errno.js";

/** What the system said when `path` was to be opened or listed, as what the operator can do. */
export async function fileError(path: string, error: unknown): Promise<AxonServerError> {
  const detail = error instanceof Error ? error.message : String(error);
  if (isErrno(error, "ENOENT", "ENOTDIR"))
    return new AxonServerError(
      "vanished",
      `${path} is not there`,
      "If the server removed or moved it, the next listing shows it. If none of its files are found, this machine has them elsewhere: set server.paths.",
      error,
    );
  if (isErrno(error, "ELOOP"))
    return new AxonServerError(
      "refused",
      `${path} is a symbolic link, not a regular file`,
      "Nothing was read. Axon Server makes regular files only: find out who put it there.",
      error,
    );
  if (isErrno(error, "EACCES", "EPERM"))
    return new AxonServerError("unreadable", `${path}: permission denied`, await accessRemedy(path), error);
  if (isErrno(error, "EMFILE", "ENFILE"))
    return new AxonServerError(
      "unreadable",
      `${path}: too many open files`,
      "Raise the limit of open files (LimitNOFILE= in the unit, ulimit -n).",
      error,
    );
  return new AxonServerError(
    "unreadable",
    `${path}: ${detail}`,
    "Look at the kernel's log (dmesg) for disk or network errors.",
    error,
  );
}

/** Names who we are, whose file it is, and the command that joins them. */
async function accessRemedy(path: string): Promise<string> {
  const user = ourName();
  const visible = await deepestVisible(path);
  if (visible === undefined) return `Give the user ${user} read access to it and to its directories.`;
  const group = (await groupName(visible.stats.gid)) ?? String(visible.stats.gid);
  const mode = (visible.stats.mode & 0o7777).toString(8).padStart(4, "0");
  return (
    `${visible.path} belongs to user ${visible.stats.uid}, group ${group}, mode ${mode}. ` +
    `Add the user ${user} to the group (usermod -aG ${group} ${user}), let the group read the files and enter the directories, and restart the agent.`
  );
}

function ourName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user often has no name.
    return String(process.getuid?.() ?? "of the agent");
  }
}

async function deepestVisible(
  path: string,
): Promise<{ readonly path: string; readonly stats: Stats } | undefined> {
  for (let current = path; current !== "/"; current = directoryName(current)) {
    try {
      return { path: current, stats: await lstat(current) };
    } catch {
      // Not even visible: its directory tells.
    }
  }
  return undefined;
}

async function groupName(gid: number): Promise<string | undefined> {
  try {
    const groups = await readFile("/etc/group", "utf8");
    return groups
      .split("\n")
      .map((line) => line.split(":"))
      .find((fields) => fields[2] === String(gid))?.[0];
  } catch {
    // Only a nicer message: the number does too.
    return undefined;
  }
}
