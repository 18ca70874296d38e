import { ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import type { S3Options } from "@axon-backup/sink-s3";

/** The SDK's own client for a bucket: for what a sink doesn't show. */
export function sdk({
  endpoint = "",
  region = "",
  access_key_id: accessKeyId = "",
  secret_access_key,
}: S3Options): S3Client {
  const secretAccessKey = secret_access_key?.reveal() ?? "";
  return new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
}

/** Keys of unfinished uploads. */
export async function unfinished(options: S3Options): Promise<readonly string[]> {
  const client = sdk(options);
  try {
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: options.bucket }));
    return Uploads.map(({ Key = "" }) => Key);
  } finally {
    client.destroy();
  }
}
