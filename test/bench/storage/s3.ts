import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Secret } from "@axon-backup/sink";
import { plugin } from "@axon-backup/sink-s3";
import { type S3Server, startVersityGw } from "@axon-backup/test-servers";
import { type Place, rcloneRemote, type Storage } from "./model.js";

export const s3: Storage = {
  type: "s3",
  async start(directory) {
    const server = await startVersityGw();
    const { endpoint, port, root } = server;
    return {
      description:
        root === undefined ? `the server at ${endpoint}` : "versitygw --keep-alive posix, over HTTP",
      port,
      directory: root ?? directory,
      http: true,
      async newPlace(bucket) {
        await server.createBucket(bucket);
        return place(server, bucket, directory);
      },
      close: () => server.close(),
    };
  },
};

async function place(server: S3Server, bucket: string, directory: string): Promise<Place> {
  const { region, accessKeyId, secretAccessKey } = server;
  const secretFile = join(directory, `${bucket}.secret`);
  await writeFile(secretFile, `${secretAccessKey}\n`, { mode: 0o600 });
  const endpoint = (port = server.port): string => server.endpoint.replace(`:${server.port}`, `:${port}`);
  return {
    yaml: (port) => [
      "type: s3",
      `bucket: ${bucket}`,
      `endpoint: ${endpoint(port)}`,
      `region: ${region}`,
      `access_key_id: ${accessKeyId}`,
      `secret_access_key: {file: ${secretFile}}`,
    ],
    rclone: (port) => {
      const { remote, env } = rcloneRemote(bucket, {
        TYPE: "s3",
        PROVIDER: "Other",
        ENDPOINT: endpoint(port),
        REGION: region,
        ACCESS_KEY_ID: accessKeyId,
        SECRET_ACCESS_KEY: secretAccessKey,
        // The bucket is there.
        NO_CHECK_BUCKET: "true",
      });
      // It can't start with certificates that are set for something else.
      return { remote, env: { ...env, AWS_CA_BUNDLE: "" } };
    },
    restic: (port) => ({
      repository: `s3:${endpoint(port)}/${bucket}`,
      args: ["-o", `s3.region=${region}`],
      env: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    }),
    open: (purpose, port) =>
      plugin.open(
        {
          bucket,
          endpoint: endpoint(port),
          region,
          access_key_id: accessKeyId,
          secret_access_key: new Secret(secretAccessKey),
        },
        { name: "bench", purpose },
      ),
  };
}
