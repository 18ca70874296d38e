import { AssertionError, deepEqual, equal, ok } from "node:assert/strict";
import {
  bytesSource,
  isSinkError,
  type ObjectKey,
  readAll,
  type ByteRange,
  type Sink,
  type SinkErrorKind,
  type StoredObject,
} from "@axon-backup/sink";

/** Fails unless the two are equal, and says where they differ. */
export function sameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  const length = Math.min(actual.byteLength, expected.byteLength);
  if (Buffer.compare(actual.subarray(0, length), expected.subarray(0, length)) !== 0) {
    const at = expected.findIndex((byte, index) => byte !== actual[index]);
    throw new AssertionError({
      message: `${what}: byte ${at} is ${actual[at]} and should be ${expected[at]}`,
    });
  }
  equal(actual.byteLength, expected.byteLength, `${what}: wrong number of bytes`);
}

/** All bytes of an object. */
export function read(sink: Sink, key: ObjectKey, range?: ByteRange): Promise<Uint8Array> {
  return readAll(sink.get(key, range === undefined ? {} : { range }));
}

/** Fails unless get, stat and list all show an object with these bytes. */
export async function shows(sink: Sink, key: ObjectKey, bytes: Uint8Array, when: string): Promise<void> {
  sameBytes(await read(sink, key), bytes, `get ${when}`);
  equal((await sink.stat(key)).size, bytes.byteLength, `stat ${when}: wrong size`);
  const listed = (await listAll(sink, key)).filter((object) => object.key === key);
  deepEqual(
    listed.map(({ size }) => size),
    [bytes.byteLength],
    `list ${when}: the object isn't listed once with its size`,
  );
}

/** Fails unless get, stat and list all show that there is no such object. */
export async function absent(sink: Sink, key: ObjectKey, when: string): Promise<void> {
  await rejectsWith(read(sink, key), "not-found", `get ${when}`);
  await rejectsWith(sink.stat(key), "not-found", `stat ${when}`);
  ok(!(await keys(sink, key)).includes(key), `list ${when}: the object is listed`);
}

/** Puts bytes from memory. */
export function store(sink: Sink, key: ObjectKey, bytes: Uint8Array | string): Promise<StoredObject> {
  return sink.put(key, bytesSource(bytes));
}

/** Keys that a list gives, sorted; twice when listed twice. */
export async function keys(sink: Sink, prefix: string): Promise<readonly string[]> {
  return (await listAll(sink, prefix)).map(({ key }) => key).sort();
}

/** Every object of a list, in its order. */
export async function listAll(sink: Sink, prefix: string): Promise<readonly StoredObject[]> {
  const objects: StoredObject[] = [];
  for await (const object of sink.list(prefix)) objects.push(object);
  return objects;
}

/** What the promise rejects with; fails when it resolves. */
export async function rejection(promise: Promise<unknown>, what: string): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new AssertionError({ message: `${what} should have failed but gave ${JSON.stringify(value)}` });
}

/** Fails unless the promise rejects with a SinkError (of `kind`, if given). */
export async function rejectsWith(
  promise: Promise<unknown>,
  kind: SinkErrorKind | undefined,
  what: string,
): Promise<void> {
  const error = await rejection(promise, what);
  ok(
    isSinkError(error, kind),
    Object.assign(
      new AssertionError({
        message: `${what} should fail with a SinkError ${kind ?? ""}, not with ${describe(error)}`,
      }),
      { cause: error },
    ),
  );
}

/** Fails unless the promise rejects with this very value. */
export async function rejectsSame(promise: Promise<unknown>, expected: unknown, what: string): Promise<void> {
  const error = await rejection(promise, what);
  ok(
    error === expected,
    new AssertionError({
      message: `${what} should fail with ${describe(expected)} itself, not with ${describe(error)}`,
    }),
  );
}

function describe(error: unknown): string {
  return isSinkError(error) ? `${error.name} ${error.kind}: ${error.message}` : String(error);
}
