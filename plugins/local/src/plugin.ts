import { access, constants, mkdir, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { CONTRACT_VERSION, type OpenContext, type Sink, SinkError, type SinkPlugin } from "@axon-backup/sink";
import { attempt, errno, sinkError } from "./errors.js";
import { LocalSink } from "./local-sink.js";
import { type LocalOptions, optionsSchema, type Settings, settings } from "./options.js";
import { probe } from "./probe.js";
import { applyMode, openDirectory, Root, syncDirectory } from "./root.js";

export const plugin: SinkPlugin<LocalOptions> = {
  contract: CONTRACT_VERSION,
  type: "local",
  description: "Directories on this machine, and network file systems mounted on it",
  // Puts that run at once share their syncs: the more there are, the fewer it takes.
  connections: 16,
  optionsSchema,
  open,
};

async function open(options: LocalOptions, { purpose, signal, log }: OpenContext): Promise<Sink> {
  signal?.throwIfAborted();
  const wanted = settings(options);
  if (wanted.mounted) await requireMounted(wanted.path);
  if (!(await exists(wanted.path))) {
    if (purpose === "read") throw absent(wanted.path);
    await create(wanted);
    log?.("info", "created the sink's directory", { path: wanted.path });
  }
  const path = await attempt("find", wanted.path, realpath(wanted.path));
  const found = await attempt("look at", path, stat(path, { bigint: true }));
  if (!found.isDirectory())
    throw new SinkError("invalid", `${wanted.path} is not a directory`, {
      remedy: "Set path to a directory.",
    });
  const root = new Root(path, found.ino, wanted.dirMode);
  if (purpose === "read") {
    await attempt("read the directory", path, access(path, constants.R_OK | constants.X_OK));
    return new LocalSink(root, wanted, false);
  }
  const { links } = await probe(path);
  if (!links) log?.("info", "the file system has no hard links: no conditional put", { path });
  return new LocalSink(root, wanted, links);
}

/** Looks at the nearest directory that exists: the one that `path` would be made in. */
async function requireMounted(path: string): Promise<void> {
  let at = path;
  while (!(await exists(at))) at = dirname(at);
  const [found, root] = await Promise.all(
    [stat(at), stat("/")].map((looked) => attempt("look at", at, looked)),
  );
  if (found?.dev !== root?.dev) return;
  throw new SinkError(
    "invalid",
    `${path} is on the file system of /, and mounted: true says that it must not be`,
    { remedy: "Mount the file system that it belongs to, or take mounted out of the sink's YAML." },
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errno(error) === "ENOENT") return false;
    throw sinkError(error, "look at", path);
  }
}

/** Only below a parent that exists: a missing mount must not become a directory on the disk below it. */
async function create({ path, dirMode }: Settings): Promise<void> {
  const parent = dirname(path);
  if (!(await exists(parent)))
    throw new SinkError("invalid", `${path} doesn't exist, and neither does ${parent}`, {
      remedy: "Mount the file system that it belongs to, or create its parent directory.",
    });
  try {
    await mkdir(path, dirMode);
  } catch (error) {
    if (errno(error) !== "EEXIST") throw sinkError(error, "create the directory", path);
    return;
  }
  const handle = await openDirectory(path);
  try {
    await applyMode(handle, path, dirMode);
  } finally {
    await handle.close();
  }
  await syncDirectory(await attempt("find", parent, realpath(parent)));
}

function absent(path: string): SinkError {
  return new SinkError("not-found", `${path} doesn't exist`, {
    remedy: "Mount the file system that it belongs to, or correct the path.",
  });
}
