import type { ObjectKey, StoredObject } from "@axon-backup/sink";

/** What the service says of a blob, in any of its answers. */
export interface BlobFacts {
  readonly etag?: string | undefined;
  readonly lastModified?: Date | undefined;
  /** Only in an account that keeps versions of blobs. */
  readonly versionId?: string | undefined;
  /** Only of blobs that were put in one request: the service has compared it with the bytes. */
  readonly contentMD5?: Uint8Array | undefined;
}

export function stored(key: ObjectKey, size: number, facts: BlobFacts): StoredObject {
  const { etag, lastModified, versionId, contentMD5 } = facts;
  return {
    key,
    size,
    ...(etag === undefined ? {} : { version: unquoted(etag) }),
    ...(lastModified === undefined ? {} : { modified: lastModified }),
    ...(versionId === undefined ? {} : { staysAsVersion: true as const }),
    ...(contentMD5 === undefined || contentMD5.byteLength === 0
      ? {}
      : { checksum: { algorithm: "md5", value: Buffer.from(contentMD5).toString("hex") } }),
  };
}

/** Lists give an ETag without the quotes that headers have. */
function unquoted(etag: string): string {
  return etag.replace(/^"|"$/g, "");
}
