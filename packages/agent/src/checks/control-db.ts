import { constants } from "node:fs";
import { access, lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { isControlDbName } from "@axon-backup/axon-server";
import type { ServerConfiguration } from "../config/types.js";
import { formatBytes, plural } from "../output/units.js";
import { failedRow } from "./failed-row.js";
import { type CheckRow, failed, ok, warning } from "./types.js";

/** More zips, or bytes, than this have piled up. */
const MANY = 50;
const LARGE = 1024 ** 3;

/**
 * The directories of the control DB's backups: whether what the server writes there can be read, by what it has written before, and how much of it is left
 * behind. The call itself isn't tried: each one leaves a file on the server.
 */
export async function controlDbRows(server: ServerConfiguration): Promise<readonly CheckRow[]> {
  if (server.controlDb === undefined)
    return [
      warning(
        "control db",
        "",
        "server.control_db isn't set: whether this user can read the control DB's backups shows at the first backup",
        "Set server.control_db to the directory that the server writes them to: its setting axoniq.axonserver.controldb-backup-location, by default its working directory.",
      ),
    ];
  const rows: CheckRow[] = [];
  for (const directory of server.controlDb)
    rows.push(...(await directoryRows(directory, server.removeControlDbZips === true)));
  return rows;
}

interface Zip {
  readonly name: string;
  readonly size: number;
}

async function directoryRows(directory: string, removes: boolean): Promise<readonly CheckRow[]> {
  let zips: readonly Zip[];
  try {
    await access(directory, constants.R_OK | constants.X_OK);
    zips = await zipsIn(directory);
  } catch (error) {
    const { detail } = failedRow("control db", directory, error);
    return [failed("control db", directory, detail, READABLE)];
  }
  return [
    await readableRow(directory, zips),
    ...(removes ? await writableRows(directory) : []),
    ...leftBehindRows(directory, zips, removes),
  ];
}

const READABLE =
  "It is the directory of the server's control DB backups, as this machine sees it. Add the agent's user to the group that it belongs to (usermod -aG), and let the group read it.";

/** The zips, oldest first: their names have the time. */
async function zipsIn(directory: string): Promise<readonly Zip[]> {
  const zips: Zip[] = [];
  for (const name of (await readdir(directory)).filter(isControlDbName)) {
    const found = await lstat(join(directory, name)).catch(() => undefined);
    // One that goes away meanwhile isn't left behind.
    if (found?.isFile() === true) zips.push({ name, size: found.size });
  }
  return zips.sort((a, b) => a.name.length - b.name.length || (a.name < b.name ? -1 : 1));
}

async function readableRow(directory: string, zips: readonly Zip[]): Promise<CheckRow> {
  const newest = zips.at(-1);
  if (newest === undefined)
    return ok(
      "control db",
      directory,
      "readable, and empty of control DB backups; the call itself isn't tried, because it leaves a file on the server",
    );
  const path = join(directory, newest.name);
  try {
    await readFirstByte(path);
    return ok("control db", directory, `what the server writes there can be read: ${newest.name}`);
  } catch (error) {
    const { detail } = failedRow("control db", directory, error);
    return failed(
      "control db",
      directory,
      `what the server writes there can't be read: ${detail}`,
      "Add the agent's user to the server's group (usermod -aG), and let the server write files that its group can read: UMask=0027 in its systemd unit.",
    );
  }
}

async function readFirstByte(path: string): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    await file.read(new Uint8Array(1), 0, 1, 0);
  } finally {
    await file.close();
  }
}

async function writableRows(directory: string): Promise<readonly CheckRow[]> {
  try {
    await access(directory, constants.W_OK);
    return [];
  } catch {
    return [
      warning(
        "control db",
        directory,
        "server.remove_control_db_zips is true, and this user may not write there: nothing can be removed",
        "Give the agent's user the right to write to this directory (of a group: chmod g+w), or clean it up by other means.",
      ),
    ];
  }
}

/** @param removes whether backups remove what they have asked for */
function leftBehindRows(directory: string, zips: readonly Zip[], removes: boolean): readonly CheckRow[] {
  if (zips.length === 0) return [];
  const bytes = zips.reduce((sum, { size }) => sum + size, 0);
  const detail = `${plural(zips.length, "control DB backup")}, ${formatBytes(bytes)}`;
  if (zips.length <= MANY && bytes <= LARGE) return [ok("left behind", directory, detail)];
  const remedy = removes
    ? "Remove the old ones: backups of the agent remove only what they have asked for."
    : "Set server.remove_control_db_zips: true, so that each backup removes its own, and remove the old ones.";
  return [
    warning(
      "left behind",
      directory,
      `${detail} pile up: the server never removes them`,
      `${remedy} find ${directory} -name 'controldb*.zip' -mtime +7 lists those that are older than a week.`,
    ),
  ];
}
