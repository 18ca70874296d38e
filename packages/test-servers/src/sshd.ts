import { execFile } from "node:child_process";
import { chmod, chown, copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { accepts, freePort, type RestartOptions, serverFolder, startProcess } from "./child.js";
import { withDisk } from "./disk.js";
import { programPath, sshdPath } from "./find.js";

const run = promisify(execFile);

export type HostKeyType = "ed25519" | "ecdsa" | "rsa";

/** OpenSSH's server, for SFTP alone. */
export interface SshdServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The user's directory, as this machine has it. */
  readonly root: string;
  /** The same directory, as the user's SFTP sees it: where a session begins. */
  readonly path: string;
  /** Of the first host key, as `SHA256:…`. */
  readonly hostKey: string;
  readonly hostKeys: readonly HostKey[];
  /** A line of known_hosts for each host key. */
  readonly knownHosts: string;
  /** A file with `knownHosts`. */
  readonly knownHostsFile: string;
  /** File of a private key that the server accepts, without a passphrase. */
  readonly clientKey: string;
  /** Kills the server with its connections, and starts it again where it was after so many milliseconds, with what it has stored. Resolves when it is ready. */
  restart(options?: RestartOptions): Promise<void>;
  /** Ends the server with its connections, and removes its folder. May be called twice. */
  close(): Promise<void>;
}

export interface HostKey {
  readonly type: HostKeyType;
  /** `SHA256:…` */
  readonly fingerprint: string;
  /** `ssh-ed25519 AAAA…` */
  readonly publicKey: string;
}

export interface SshdOptions {
  /** A port of 127.0.0.1; a free one by default. */
  readonly port?: number;
  /** The session is shut in `root` (needs root). Otherwise it sees the whole machine as an unprivileged user. */
  readonly chroot?: boolean;
  /** `root` is a file system of its own, of this many bytes, which the sessions alone see (needs root and Linux). */
  readonly diskBytes?: number;
  /** Default `["ed25519", "ecdsa"]`. */
  readonly hostKeys?: readonly HostKeyType[];
  /** More lines of sshd_config, before all others: sshd takes the first of several. */
  readonly config?: readonly string[];
}

/** Whether startSshd can do `chroot` here. */
export const canChroot = process.getuid?.() === 0;

/**
 * Starts sshd on 127.0.0.1. Run by root, the sessions are those of the user `daemon` (a server that isn't root itself unless `chroot`), so that permissions
 * mean something; run by someone else, those of that user.
 */
export async function startSshd(options: SshdOptions = {}): Promise<SshdServer> {
  const { chroot = false, diskBytes, hostKeys: types = ["ed25519", "ecdsa"], config = [] } = options;
  const command = sshdPath();
  if (command === undefined) throw new Error("there is no sshd: node scripts/install-test-servers.mjs");
  if (chroot && !canChroot) throw new Error("a chroot needs root");
  const { user, uid, gid, locked } = await sessionUser();
  // sshd wants a chroot whose parents belong to root and are writable by nobody else: /tmp isn't.
  const dir = await serverFolder("sshd", chroot ? "/var/lib" : undefined);
  const root = join(dir, "jail", "data");
  await mkdir(root, { recursive: true });
  const clientKey = join(dir, "client");
  await generate("ed25519", clientKey);
  await copyFile(`${clientKey}.pub`, join(dir, "authorized_keys"));
  const hostKeys: HostKey[] = [];
  for (const type of types) hostKeys.push(await generate(type, join(dir, `host_${type}`)));
  const port = options.port ?? (await freePort());
  const knownHosts = hostKeys.map(({ publicKey }) => `[127.0.0.1]:${port} ${publicKey}\n`).join("");
  const [knownHostsFile, configFile] = [join(dir, "known_hosts"), join(dir, "sshd_config")];
  await writeFile(knownHostsFile, knownHosts);
  const path = chroot ? "/data" : root;
  const lines = [
    ...config,
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    ...types.map((type) => `HostKey ${join(dir, `host_${type}`)}`),
    "PidFile none",
    `AuthorizedKeysFile ${join(dir, "authorized_keys")}`,
    "AuthenticationMethods publickey",
    "StrictModes no",
    // PAM alone lets a locked account in; who isn't root may have to take it as it is configured here.
    `UsePAM ${locked ? "yes" : "no"}`,
    "UseDNS no",
    "MaxStartups 100",
    "MaxSessions 100",
    // The one thing that may be said only once.
    ...(config.some((line) => line.startsWith("Subsystem"))
      ? []
      : [`Subsystem sftp internal-sftp -d ${path}`]),
    `ForceCommand internal-sftp -d ${path}`,
    "LogLevel VERBOSE",
    ...(chroot ? [`ChrootDirectory ${join(dir, "jail")}`] : []),
  ];
  await writeFile(configFile, `${lines.join("\n")}\n`);
  const drop = canChroot && !chroot && diskBytes === undefined;
  if (canChroot) await chown(root, uid, gid);
  await chmod(root, 0o755);
  // All of it, so that what watches over the server can remove it.
  if (drop) for (const name of [".", ...(await readdir(dir))]) await chown(join(dir, name), uid, gid);
  // The directory that a root sshd shuts the unauthenticated in.
  if (canChroot && !drop) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const server = await startProcess({
    dir,
    ...withDisk(
      command,
      ["-D", "-e", "-f", configFile],
      diskBytes === undefined ? undefined : { bytes: diskBytes, root, owner: { uid, gid } },
    ),
    ...(drop ? { uid, gid } : {}),
    ready: () => accepts(port),
  });
  return {
    host: "127.0.0.1",
    port,
    user,
    root,
    path,
    hostKey: hostKeys[0]?.fingerprint ?? "",
    hostKeys,
    knownHosts,
    knownHostsFile,
    clientKey,
    restart: (options) => server.restart(options),
    close: () => server.close(),
  };
}

async function generate(type: HostKeyType, file: string): Promise<HostKey> {
  const keygen = programPath("ssh-keygen") ?? "ssh-keygen";
  const bits = type === "rsa" ? ["-b", "2048"] : [];
  await run(keygen, ["-q", "-t", type, ...bits, "-N", "", "-C", "axon-backup-test", "-f", file]);
  const { stdout } = await run(keygen, ["-l", "-E", "sha256", "-f", `${file}.pub`]);
  const [, fingerprint = ""] = stdout.split(" ");
  const [algorithm = "", key = ""] = (await readFile(`${file}.pub`, "latin1")).split(" ");
  return { type, fingerprint, publicKey: `${algorithm} ${key}` };
}

interface User {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  /** sshd refuses it, whatever its key. */
  readonly locked: boolean;
}

async function sessionUser(): Promise<User> {
  // Not `nobody`: where systemd makes that one up, its account is locked, and sshd refuses it.
  const name = canChroot ? "daemon" : (await run("id", ["-un"])).stdout.trim();
  const [uid, gid] = await Promise.all(
    ["-u", "-g"].map(async (option) => Number((await run("id", [option, name])).stdout)),
  );
  if (uid === undefined || gid === undefined) throw new Error(`there is no user ${name}`);
  return { user: name, uid, gid, locked: !canChroot && (await isLocked(name)) };
}

/**
 * Whether the process may see that the account is locked. sshd sees no more than that, either: only accounts that systemd makes up (`nobody`) show themselves
 * to those who aren't root. Not so on systems without getent.
 */
async function isLocked(user: string): Promise<boolean> {
  const entry = await run("getent", ["shadow", user]).catch(() => undefined);
  return entry?.stdout.split(":")[1]?.startsWith("!") ?? false;
}
