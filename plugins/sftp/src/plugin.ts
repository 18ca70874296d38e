import { CONTRACT_VERSION, type OpenContext, type Sink, SinkError, type SinkPlugin } from "@axon-backup/sink";
import type { Tools } from "./call.js";
import { Connections } from "./connections.js";
import { status, STATUS } from "./errors.js";
import { Files } from "./files.js";
import { Interrupt } from "./interrupt.js";
import { optionsSchema, type Settings, settings, type SftpOptions } from "./options.js";
import { probe } from "./probe.js";
import { applyMode, Root } from "./root.js";
import { SftpSink } from "./sftp-sink.js";

export const plugin: SinkPlugin<SftpOptions> = {
  contract: CONTRACT_VERSION,
  type: "sftp",
  description: "SFTP servers",
  // All calls share one connection, and small files are a matter of round trips.
  connections: 16,
  optionsSchema,
  open,
};

async function open(options: SftpOptions, { purpose, signal, log }: OpenContext): Promise<Sink> {
  signal?.throwIfAborted();
  const wanted = settings(options);
  const connections = new Connections(wanted);
  const interrupt = new Interrupt(signal);
  try {
    const files = new Files(await connections.session(interrupt), interrupt);
    const root = new Root(await findRoot(files, wanted, purpose), wanted.dirMode);
    const tools: Tools = { connections, settings: wanted, root, orphans: new Set(), own: new Set() };
    const { statvfs, fsync, hardlink } = files.abilities;
    log?.("debug", "connected", {
      host: wanted.host,
      port: wanted.port,
      path: root.path,
      ...files.abilities,
    });
    if (purpose === "read") return new SftpSink(tools, { links: hardlink, statvfs });
    const { links } = await probe(files, root.path);
    if (!fsync)
      log?.("warn", "the server offers no fsync: what it has confirmed may not survive a power cut of it");
    if (!links) log?.("info", "the server has no hard links: no conditional put");
    return new SftpSink(tools, { links, statvfs });
  } catch (error) {
    await connections.close();
    throw error;
  } finally {
    interrupt.release();
  }
}

/** The sink's directory as the server has it; made if its parent is there. Without a slash at its end. */
async function findRoot(
  files: Files,
  { path, dirMode }: Settings,
  purpose: OpenContext["purpose"],
): Promise<string> {
  const home = path.startsWith("/") ? "" : `${await files.realpath(".")}/`;
  const wanted = `${home}${path.replace(/^~\//, "")}`.replace(/(?<=.)\/+$/, "");
  if (!(await isDirectory(files, wanted))) {
    if (purpose === "read")
      throw new SinkError("not-found", `${wanted} doesn't exist on the server`, {
        remedy: "Mount the file system that it belongs to, or correct path.",
      });
    const parent = wanted.slice(0, wanted.lastIndexOf("/"));
    if (!(await isDirectory(files, parent === "" ? "/" : parent)))
      throw new SinkError("invalid", `${wanted} doesn't exist on the server, and neither does ${parent}`, {
        remedy: "Mount the file system that it belongs to, or create its parent directory.",
      });
    await files.mkdir(wanted, dirMode);
    await applyMode(() => files.chmod(wanted, dirMode));
  }
  const real = await files.realpath(wanted);
  return real === "/" ? "" : real;
}

async function isDirectory(files: Files, path: string): Promise<boolean> {
  try {
    if ((await files.stat(path)).isDirectory()) return true;
  } catch (error) {
    if (status(error) === STATUS.noSuchFile) return false;
    throw error;
  }
  throw new SinkError("invalid", `${path} is not a directory on the server`, {
    remedy: "Set path to a directory.",
  });
}
