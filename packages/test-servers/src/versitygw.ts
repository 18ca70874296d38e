import { createHash, createHmac, randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { accepts, freePort, type RestartOptions, serverFolder, startProcess } from "./child.js";
import { withDisk } from "./disk.js";
import { versityGwPath } from "./find.js";
import { answers, send } from "./http.js";

/** An S3 server for tests. */
export interface S3Server {
  readonly endpoint: string;
  readonly host: string;
  readonly port: number;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The directory with a directory for each bucket; undefined where only the server sees it: with `diskBytes`, or a server that was there before (AXON_BACKUP_TEST_S3). */
  readonly root: string | undefined;
  createBucket(name: string, options?: BucketOptions): Promise<void>;
  /** Kills the server, and starts it again where it was after so many milliseconds, with what it has stored. Resolves when it is ready. Undefined for a server that was there before. */
  readonly restart: ((options?: RestartOptions) => Promise<void>) | undefined;
  /** Ends the server and removes its folder. May be called twice. */
  close(): Promise<void>;
}

export interface BucketOptions {
  readonly versioning?: boolean;
  /** Turns versioning on, too. */
  readonly objectLock?: boolean;
}

export interface VersityGwOptions {
  /** A port of 127.0.0.1; a free one by default. */
  readonly port?: number;
  /** `root` is a file system of its own, of this many bytes, which the server alone sees (see `canHaveDisk`). */
  readonly diskBytes?: number;
}

/**
 * Starts versitygw, a real S3 server on a directory; or gives the server of AXON_BACKUP_TEST_S3, a URL as
 * `http://KEY:SECRET@127.0.0.1:9000/?region=us-east-1`, unless a disk is wanted.
 */
export async function startVersityGw({ port: wanted, diskBytes }: VersityGwOptions = {}): Promise<S3Server> {
  const other = process.env["AXON_BACKUP_TEST_S3"];
  if (other !== undefined && diskBytes === undefined) return otherServer(new URL(other));
  const command = versityGwPath();
  if (command === undefined) throw new Error("there is no versitygw: node scripts/install-test-servers.mjs");
  const dir = await serverFolder("versitygw");
  const [root, versions] = [join(dir, "buckets"), join(dir, "versions")];
  for (const path of [root, versions]) await mkdir(path);
  const port = wanted ?? (await freePort());
  const endpoint = `http://127.0.0.1:${port}`;
  const accessKeyId = "axonbackuptest";
  const secretAccessKey = randomBytes(20).toString("hex");
  const region = "us-east-1";
  const process_ = await startProcess({
    dir,
    ...withDisk(
      command,
      ["--port", `127.0.0.1:${port}`, "--region", region, "--keep-alive", "-q", "--health", "/health", "posix", "--versioning-dir", versions, root], // prettier-ignore
      diskBytes === undefined ? undefined : { bytes: diskBytes, root },
    ),
    env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
    ready: async () => (await accepts(port)) && answers(`${endpoint}/health`),
  });
  const access = { endpoint, host: "127.0.0.1", port, region, accessKeyId, secretAccessKey };
  const seen = diskBytes === undefined ? root : undefined;
  return {
    ...access,
    root: seen,
    createBucket: bucketMaker(access),
    restart: (options) => process_.restart(options),
    close: () => process_.close(),
  };
}

type Access = Pick<S3Server, "endpoint" | "host" | "port" | "region" | "accessKeyId" | "secretAccessKey">;

function otherServer(url: URL): S3Server {
  const access = {
    endpoint: url.origin,
    host: url.hostname,
    port: Number(url.port === "" ? (url.protocol === "https:" ? 443 : 80) : url.port),
    region: url.searchParams.get("region") ?? "us-east-1",
    accessKeyId: decodeURIComponent(url.username),
    secretAccessKey: decodeURIComponent(url.password),
  };
  return {
    ...access,
    root: undefined,
    createBucket: bucketMaker(access),
    restart: undefined,
    close: () => Promise.resolve(),
  };
}

const ENABLED =
  '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>';

function bucketMaker(access: Access): S3Server["createBucket"] {
  return async (name, { versioning = false, objectLock = false } = {}) => {
    const lock: Record<string, string> = objectLock ? { "x-amz-bucket-object-lock-enabled": "true" } : {};
    await signedPut(access, `/${name}`, "", lock, `create the bucket ${name}`);
    if (versioning)
      await signedPut(access, `/${name}?versioning=`, ENABLED, {}, `turn on versioning of ${name}`);
  };
}

/** A PUT with AWS Signature Version 4. The path has at most one query parameter. */
function signedPut(
  { endpoint, region, accessKeyId, secretAccessKey }: Access,
  path: string,
  body: string,
  more: Readonly<Record<string, string>>,
  what: string,
): Promise<void> {
  const url = new URL(path, endpoint);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  const hash = createHash("sha256").update(body).digest("hex");
  const headers: Record<string, string> = { "x-amz-content-sha256": hash, "x-amz-date": time, ...more };
  const signed: Record<string, string> = { host: url.host, ...headers };
  const names = Object.keys(signed).sort();
  const canonical = [
    "PUT",
    url.pathname,
    url.search.slice(1),
    ...names.map((name) => `${name}:${signed[name] ?? ""}`),
    "",
    names.join(";"),
    hash,
  ].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", time, scope, createHash("sha256").update(canonical).digest("hex")];
  const key = scope
    .split("/")
    .reduce<string | Buffer>(
      (secret, part) => createHmac("sha256", secret).update(part).digest(),
      `AWS4${secretAccessKey}`,
    );
  const signature = createHmac("sha256", key).update(toSign.join("\n")).digest("hex");
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return send(url, { method: "PUT", headers: { ...headers, authorization }, body }, what);
}
