/** Whether a server can be given a small disk of its own here: that takes a mount namespace. */
export const canHaveDisk = process.getuid?.() === 0 && process.platform === "linux";

/** A file system for one server. */
export interface Disk {
  readonly bytes: number;
  /** An empty directory that it is mounted on. Only the server sees it. */
  readonly root: string;
  /** Whom it belongs to; root, if left out. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** The command in a mount namespace of its own, so that the file system goes with it. */
export function withDisk(
  command: string,
  args: readonly string[],
  disk: Disk | undefined,
): { readonly command: string; readonly args: readonly string[] } {
  if (disk === undefined) return { command, args };
  const { bytes, root, owner = { uid: 0, gid: 0 } } = disk;
  const mount = `mount -t tmpfs -o size=${bytes},mode=755,uid=${owner.uid},gid=${owner.gid} none "$0" && exec "$@"`;
  return { command: "unshare", args: ["-m", "sh", "-c", mount, root, command, ...args] };
}
