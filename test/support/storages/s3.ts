import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Secret } from "@axon-backup/sink";
import { plugin } from "@axon-backup/sink-s3";
import { type S3Server, startVersityGw } from "@axon-backup/test-servers";
import {
  flipBitByPut,
  flipBitInFile,
  newName,
  type Place,
  type Storage,
  versionsBySink,
  versionsOfFiles,
} from "./storage.js";

const PREFIX = "axon/main";

export const s3: Storage = {
  type: "s3",
  server: "versitygw",
  async start(options) {
    const server = await startVersityGw(options);
    return {
      host: server.host,
      port: server.port,
      newPlace: (directory) => newPlace(server, directory),
      restart: server.restart,
      close: () => server.close(),
    };
  },
};

async function newPlace(server: S3Server, directory: string): Promise<Place> {
  const { endpoint, region, accessKeyId, secretAccessKey, root } = server;
  const bucket = newName();
  await server.createBucket(bucket);
  const secretFile = join(directory, `${bucket}.secret`);
  writeFileSync(secretFile, `${secretAccessKey}\n`, { mode: 0o600 });
  const open: Place["open"] = (purpose) =>
    plugin.open(
      {
        bucket,
        prefix: PREFIX,
        endpoint,
        region,
        access_key_id: accessKeyId,
        secret_access_key: new Secret(secretAccessKey),
      },
      { name: "direct", purpose },
    );
  // A server that was there before may keep objects in any way.
  const files = root === undefined ? undefined : join(root, bucket, PREFIX);
  return {
    yaml: (proxy) => [
      "type: s3",
      `bucket: ${bucket}`,
      `prefix: ${PREFIX}`,
      `endpoint: ${proxy === undefined ? endpoint : `http://127.0.0.1:${proxy}`}`,
      `region: ${region}`,
      `access_key_id: ${accessKeyId}`,
      `secret_access_key: {file: ${secretFile}}`,
    ],
    secrets: [secretAccessKey],
    open,
    async flipBit(key, at) {
      if (files === undefined) await flipBitByPut({ open }, key, at);
      else flipBitInFile(join(files, key), at);
    },
    versions: () =>
      files === undefined ? versionsBySink({ open }) : Promise.resolve(versionsOfFiles(files)),
    // Objects become visible as a whole, and the tests' are too small for uploads in parts.
    leftovers: () => [],
  };
}
