import type { Manifest } from "../repository/manifest.js";
import { timeOf } from "../repository/restore-point-id.js";

/** When the server made the control DB's backup: by its name, which tells the server's clock, or else by the restore point whose run it is of. */
export function madeAt({ id, controlDb }: Manifest): Date {
  const made = Number(/^controldb(\d+)\.zip$/.exec(controlDb.name)?.[1]);
  const date = new Date(made);
  return Number.isNaN(date.getTime()) ? timeOf(controlDb.run ?? id) : date;
}
