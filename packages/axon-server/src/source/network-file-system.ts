import { statfs } from "node:fs/promises";

/** `f_type` of statfs(2) on Linux: file systems whose files another machine may be writing. Of FUSE nobody can tell: it counts as one. */
const NETWORK: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB 2
  0x00c36400, // Ceph
  0x5346414f, // AFS
  0x6b414653, // kAFS
  0x73757245, // Coda
  0x65735546, // FUSE: sshfs, GlusterFS, virtiofs, ...
  0x01021997, // 9P
  0x0bd00bd0, // Lustre
  0x47504653, // GPFS
  0x7461636f, // OCFS2
  0x01161970, // GFS2
  0x786f4256, // VirtualBox
]);

/** Whether `path` is on a file system where another machine may write, so that what is read here may be a moment old. False where that can't be told. */
export async function isOnNetwork(path: string): Promise<boolean> {
  try {
    return NETWORK.has((await statfs(path)).type);
  } catch {
    // Whoever reads the file is told what is wrong with it.
    return false;
  }
}
