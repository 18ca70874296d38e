import { isSinkError, type ObjectKey, type Sink, type StoredObject } from "@axon-backup/sink";
import type { Report } from "./findings.js";
import { type Claim, type Requirement, usersOf } from "./requirements.js";

/** How many missing objects are looked at one by one: where more are missing, no stray file is the reason. */
const LOOKS = 16;

/** An object whose size and checksum are right for these claims; their bytes are another matter. */
export interface Present {
  readonly object: Requirement;
  readonly claims: readonly Claim[];
}

/**
 * Compares one listing of the sink with what restore points need, and reports what is missing, too short, or has another checksum.
 * Memory grows with the number of objects needed; those that aren't don't count.
 */
export async function examineListing(
  sink: Sink,
  objects: ReadonlyMap<ObjectKey, Requirement>,
  report: Report,
  signal: AbortSignal | undefined,
): Promise<Present[]> {
  const listed = new Map<ObjectKey, Pick<StoredObject, "size" | "checksum">>();
  for await (const { key, size, checksum } of sink.list("", signal ? { signal } : {}))
    if (objects.has(key)) listed.set(key, { size, ...(checksum && { checksum }) });

  const present: Present[] = [];
  let looksLeft = LOOKS;
  for (const object of objects.values()) {
    const stored = listed.get(object.key);
    const obstacle =
      stored === undefined && looksLeft-- > 0 ? await obstacleAt(sink, object.key, signal) : undefined;
    const claims: Claim[] = [];
    for (const claim of object.claims) {
      const missing = obstacle ?? "is missing";
      const finding = stored === undefined ? missing : examine(stored, claim);
      if (finding === undefined) claims.push(claim);
      else
        report({
          key: object.key,
          finding,
          restorePoints: usersOf(claim),
          mend: object.kind !== "control-db" && obstacle === undefined,
        });
    }
    if (claims.length > 0) present.push({ object, claims });
  }
  return present;
}

/**
 * What a sink says that stands in the place of an object, if it isn't one: a symbolic link, a pipe. A listing leaves it out, and a backup can't store anything there.
 */
async function obstacleAt(
  sink: Sink,
  key: ObjectKey,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    await sink.stat(key, signal ? { signal } : {});
  } catch (error) {
    if (!isSinkError(error)) throw error;
    if (error.kind === "invalid")
      return `is missing, and something else is in its place: ${error.message}. Remove that by hand; the next backup then stores the object again, if the server still has it`;
    if (error.kind === "transient") throw error;
  }
  return undefined;
}

function examine(
  { size, checksum }: Pick<StoredObject, "size" | "checksum">,
  { bytes, sha256, whole }: Claim,
): string | undefined {
  if (whole && size !== bytes) return `has ${size} bytes, and ${bytes} were stored`;
  if (size < bytes) return `has ${size} bytes, and the first ${bytes} are needed`;
  if (whole && checksum?.algorithm === "sha256" && checksum.value !== sha256)
    return `has the SHA-256 ${checksum.value} by the storage's own account, and ${sha256} was stored`;
  return undefined;
}
