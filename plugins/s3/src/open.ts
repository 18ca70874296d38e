import type { OpenContext, Sink } from "@axon-backup/sink";
import { Bucket } from "./bucket.js";
import { createClient, leavePayloadUnsigned } from "./client.js";
import { type S3Options, settings } from "./options.js";
import { probe } from "./probe.js";
import { reach } from "./reach.js";
import { S3Sink } from "./s3-sink.js";

/** Opens the sink: credentials, bucket, rights and clock are tried by a list, and for writing what the server can do. */
export async function openSink(options: S3Options, { purpose, signal, log }: OpenContext): Promise<Sink> {
  signal?.throwIfAborted();
  const wanted = settings(options);
  const client = await createClient(wanted);
  try {
    const bucket = new Bucket(client, wanted);
    await reach(bucket, signal);
    if (purpose === "read") return new S3Sink(bucket, { ifNoneMatch: false, ifMatch: false });
    const findings = await probe(bucket, signal);
    bucket.checksChecksums = findings.checksums;
    if (findings.checksums && wanted.endpoint?.protocol !== "http:") leavePayloadUnsigned(client);
    log?.("debug", "found out what the server can do", { ...findings });
    if (!findings.checksums && wanted.checksums === "when-supported")
      log?.(
        "info",
        "the server doesn't compare checksums: the size of each object is looked at after its upload",
        { bucket: wanted.bucket },
      );
    return new S3Sink(bucket, findings);
  } catch (error) {
    client.destroy();
    throw error;
  }
}
