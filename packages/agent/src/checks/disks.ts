import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Where the kernel shows block devices by number. */
const DEVICES = "/sys/dev/block";

/**
 * The disks that `path` lies on, by name; what isn't a block device of this machine (a network mount, btrfs, overlays) is named by its number, which
 * tells it from the others. Empty when it can't be looked at.
 */
export async function disksOf(path: string, devices = DEVICES): Promise<ReadonlySet<string>> {
  try {
    const { dev } = await stat(path, { bigint: true });
    const [major, minor] = [majorOf(dev), minorOf(dev)];
    const found = new Set<string>();
    await collect(join(devices, `${major}:${minor}`), found);
    return found.size > 0 ? found : new Set([`${major}:${minor}`]);
  } catch {
    // The rows about that directory say what is wrong with it.
    return new Set();
  }
}

/** From a device to the disks below: a partition lies on one, a mapped device (LVM, RAID, dm-crypt) on its slaves. */
async function collect(device: string, found: Set<string>): Promise<void> {
  const real = await attempt(() => realpath(device));
  if (real === undefined) return;
  const slaves = (await attempt(() => readdir(join(real, "slaves")))) ?? [];
  for (const slave of slaves) await collect(join(real, "slaves", slave), found);
  if (slaves.length > 0) return;
  const isPartition = (await attempt(() => stat(join(real, "partition")))) !== undefined;
  found.add(basename(isPartition ? dirname(real) : real));
}

async function attempt<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch {
    return undefined;
  }
}

/** As glibc's `gnu_dev_major`. */
function majorOf(dev: bigint): bigint {
  return ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
}

/** As glibc's `gnu_dev_minor`. */
function minorOf(dev: bigint): bigint {
  return (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
}
