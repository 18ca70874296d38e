import type { Manifest } from "../repository/manifest.js";
import { timeOf } from "../repository/restore-point-id.js";
import type { RestoredControlDb } from "./types.js";

/** A restore point's control DB. It was made when the server says so by its name, or else with the restore point that it was stored with. */
export function describeControlDb({ id, controlDb }: Manifest): Omit<RestoredControlDb, "size"> {
  const { name, run: restorePoint = id } = controlDb;
  const made = new Date(Number(/^controldb(\d+)\.zip$/.exec(name)?.[1]));
  return { name, restorePoint, made: Number.isNaN(made.getTime()) ? timeOf(restorePoint) : made };
}
