import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { SinkError } from "@axon-backup/sink";
import type { ServerHostKeyAlgorithm } from "ssh2";
import { blobType, type KnownHost, knownHost, parseKnownHosts } from "./known-hosts.js";
import type { Settings } from "./options.js";

/** Who the server must be. Read anew for every connection: the operator may have corrected it. */
export interface Trust {
  /** Algorithms to ask the server for, the wanted ones first. */
  readonly algorithms: readonly ServerHostKeyAlgorithm[];
  /** Undefined when the key is the server's; otherwise why it isn't trusted. */
  judge(key: Buffer): SinkError | undefined;
}

// In ssh2's order of preference.
const ALGORITHMS: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
};

/** As `ssh-keygen -l` shows it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** The algorithms with which a server shows a key of one of these types. */
export function algorithmsOf(types: Iterable<string>): readonly ServerHostKeyAlgorithm[] {
  const wanted = new Set(types);
  return Object.entries(ALGORITHMS).flatMap(([type, names]) => (wanted.has(type) ? names : []));
}

/** @throws SinkError when a known_hosts file can't be read, or has nothing that could be used */
export async function readTrust({ host, port, trust }: Settings): Promise<Trust> {
  const server = port === 22 ? host : `[${host}]:${port}`;
  const all = algorithmsOf(Object.keys(ALGORITHMS));
  if ("fingerprints" in trust)
    return {
      algorithms: all,
      judge: (key) =>
        trust.fingerprints.includes(fingerprint(key)) ? undefined : notThis(server, key, "host_key"),
    };
  const [files, known] = await readKnownHosts(trust.knownHosts, host, port);
  const first = algorithmsOf(known.keys.map(({ type }) => type));
  return {
    // As OpenSSH does: a server with several keys shows the one that is known.
    algorithms: [...first, ...all.filter((name) => !first.includes(name))],
    judge: (key) => judgeKnown(known, key, server, files),
  };
}

function judgeKnown(known: KnownHost, key: Buffer, server: string, files: string): SinkError | undefined {
  const is = ({ blob }: { readonly blob: Buffer }): boolean => blob.equals(key);
  const offered = `${blobType(key) ?? "of an unknown type"} ${fingerprint(key)}`;
  if (known.revoked.some(is))
    return new SinkError("denied", `${server} shows a host key that is revoked in ${files}: ${offered}`, {
      remedy: "Don't connect before the server has a new key and you know why the old one was revoked.",
    });
  if (known.keys.some(is)) return undefined;
  if (known.keys.length > 0) return notThis(server, key, files);
  if (known.authorities > 0)
    return new SinkError(
      "invalid",
      `${files} trusts ${server} by @cert-authority alone, and axon-backup knows no host certificates. The server shows ${offered}`,
      { remedy: "Check that this is its fingerprint, and set host_key to it." },
    );
  return new SinkError("denied", `${server} is not in ${files}. It shows the host key ${offered}`, {
    remedy: `Compare with ssh-keygen -l -f /etc/ssh/ssh_host_…_key.pub on the server. If it is the same, set host_key: ${fingerprint(key)}, or add the output of ssh-keyscan to known_hosts.`,
  });
}

function notThis(server: string, key: Buffer, where: string): SinkError {
  return new SinkError(
    "denied",
    `the host key of ${server} is not the one in ${where}: it shows ${blobType(key) ?? "a key"} ${fingerprint(key)}`,
    {
      remedy:
        "Somebody may stand between this machine and the server, or the server was installed anew. Ask its administrator for the fingerprint before you trust the new key.",
    },
  );
}

/** The names of the files, for messages, and what they say. Files that don't exist count as empty, unless the operator named them. */
async function readKnownHosts(
  named: readonly string[] | undefined,
  host: string,
  port: number,
): Promise<readonly [string, KnownHost]> {
  const files = (named ?? ["~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"]).map(expandHome);
  const texts = await Promise.all(
    files.map(async (file) => {
      try {
        return await readFile(file, "utf8");
      } catch (error) {
        const absent = error instanceof Error && "code" in error && error.code === "ENOENT";
        if (named === undefined && absent) return "";
        throw new SinkError("invalid", `can't read known_hosts ${file}: ${String(error)}`, {
          cause: error,
          remedy: "Correct known_hosts, let the agent's user read it, or set host_key to a fingerprint.",
        });
      }
    }),
  );
  return [files.join(" and "), knownHost(texts.flatMap(parseKnownHosts), host, port)];
}

/** `~/` is the home directory of the user that runs the agent. */
export function expandHome(path: string): string {
  return path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
}
