import { EngineError } from "../errors.js";

declare const restorePointIdBrand: unique symbol;

/**
 * Names a restore point, and tells when its run began: `20261124T055901.123Z`, UTC. As text they sort by time.
 */
export type RestorePointId = string & { readonly [restorePointIdBrand]: true };

const FORM = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z$/;

/** Whether `text` is of the form, and of a time that exists. */
export function isRestorePointId(text: string): text is RestorePointId {
  if (!FORM.test(text)) return false;
  const time = new Date(text.replace(FORM, "$1-$2-$3T$4:$5:$6Z"));
  return !Number.isNaN(time.getTime()) && format(time) === text;
}

/**
 * `text` as an id.
 * @throws RangeError if it isn't one.
 */
export function restorePointId(text: string): RestorePointId {
  if (!isRestorePointId(text))
    throw new RangeError(`not a restore point: ${JSON.stringify(text.slice(0, 80))}`);
  return text;
}

/** When the restore point's run began. */
export function timeOf(id: RestorePointId): Date {
  return new Date(id.replace(FORM, "$1-$2-$3T$4:$5:$6Z"));
}

/**
 * The id of a run that begins `now`. Always after `newest`: a clock that went back must not make a new restore point look like an old one.
 * @throws EngineError `failed` for a time that has no id: from the year 10000 on
 */
export function nextRestorePointId(now: Date, newest?: RestorePointId): RestorePointId {
  const earliest = newest === undefined ? 0 : timeOf(newest).getTime() + 1;
  const id = format(new Date(Math.max(now.getTime(), earliest)));
  if (isRestorePointId(id)) return id;
  throw new EngineError(
    "failed",
    now.getTime() < earliest
      ? `the newest restore point on the sink, ${newest ?? ""}, is of the last moment that a restore point can have, so that there can be none after it`
      : `this machine's clock says ${now.toISOString()}, a time that no restore point can have`,
    now.getTime() < earliest
      ? "The clock was wrong when it was made. Begin a new repository on an empty sink, and keep this one."
      : "Set the clock, then run the backup again.",
  );
}

function format(time: Date): string {
  return time.toISOString().replaceAll("-", "").replaceAll(":", "");
}
