import { createHash } from "node:crypto";
import type { ObjectKey, PutOptions, Source, StoredObject } from "@axon-backup/sink";
import { EngineError } from "../errors.js";

/** The kinds of JSON documents in a repository. */
export type DocumentKind =
  | "repository"
  | "restore-point"
  | "head"
  | "page"
  | "checkpoint"
  | "damage"
  | "verified-restore-points"
  | "verified-objects"
  | "last-failure"
  | "last-prune"
  | "writer";

/** How a document is put. */
export type WriteDocument = (key: ObjectKey, source: Source, options: PutOptions) => Promise<StoredObject>;

/**
 * A document as bytes: JSON that a person can read, with a checksum over its body, so that a flipped bit is never taken for a fact.
 *
 * `{"axon-backup": "<kind>", "sha256": "<of body>", "body": {…}}` and a newline.
 */
export function encodeDocument(kind: DocumentKind, body: object): Uint8Array {
  const text = JSON.stringify(body);
  return new TextEncoder().encode(`{"axon-backup":"${kind}","sha256":"${sha256(text)}",\n"body":${text}}\n`);
}

/**
 * The body of a document, its form and its checksum checked: the bytes are exactly those that `encodeDocument` makes of it.
 * The body's shape isn't checked further: only this software makes the checksum.
 * @throws EngineError `damage`
 */
export function decodeDocument(kind: DocumentKind, bytes: Uint8Array, where: string): unknown {
  let body: unknown;
  try {
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof parsed === "object" && parsed !== null && "body" in parsed) body = parsed.body;
  } catch {
    // Falls through: bytes that aren't JSON are damaged like those whose checksum is wrong.
  }
  if (typeof body === "object" && body !== null && Buffer.compare(encodeDocument(kind, body), bytes) === 0)
    return body;
  throw new EngineError(
    "damage",
    `${where} is damaged: its content is not the ${kind} document that was written`,
    "Run `axon-backup verify` to see what else is damaged. If another sink has the same restore point, use that one.",
  );
}

/** SHA-256 as lower-case hex. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
