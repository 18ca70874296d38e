import { randomBytes } from "node:crypto";
import { type OpenContext, Secret, type Sink } from "@axon-backup/sink";
import { plugin, type S3Options } from "@axon-backup/sink-s3";
import {
  type BucketOptions,
  pendingWithoutServer,
  type S3Server,
  startVersityGw,
} from "@axon-backup/test-servers";

/** A server of a file's tests: started before them, ended after them. */
export function server(): () => S3Server {
  let started: S3Server | undefined;
  before(async function () {
    await pendingWithoutServer(this, "versitygw");
    started = await startVersityGw();
  });
  after(() => started?.close());
  return () => {
    if (started === undefined) throw new Error("the server isn't started");
    return started;
  };
}

/** Options for a new bucket on the server. */
export async function newBucket(server: S3Server, options?: BucketOptions): Promise<S3Options> {
  const bucket = `axon-backup-test-${randomBytes(6).toString("hex")}`;
  await server.createBucket(bucket, options);
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  return {
    bucket,
    endpoint,
    region,
    access_key_id: accessKeyId,
    secret_access_key: new Secret(secretAccessKey),
  };
}

export function open(options: S3Options, purpose: OpenContext["purpose"] = "write"): Promise<Sink> {
  return plugin.open(options, { name: "test", purpose });
}

/** What the promise rejects with. */
export async function caught(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("should have failed");
}
