import { accessSync, constants } from "node:fs";
import { userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The servers that tests start. */
export type ServerKind = "sshd" | "versitygw" | "azurite";

/** Whether a server can be started here, and if not, what to do. */
export type Availability =
  | { readonly available: true }
  | { readonly available: false; readonly reason: string; readonly remedy: string };

/** Where scripts/install-test-servers.mjs puts what it installs. */
export const CACHE = fileURLToPath(new URL("../../../.cache/test-servers/", import.meta.url));

const INSTALL = "Run node scripts/install-test-servers.mjs.";
/** Administrators' programs aren't on every user's PATH. */
const SBIN = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"];

/** Whether the server's program is there, and would serve who runs this. Rejects never; starting may still fail. */
export function findServer(kind: ServerKind): Promise<Availability> {
  const reason = lacking(kind);
  if (reason !== undefined) return Promise.resolve({ available: false, reason, remedy: INSTALL });
  if (kind === "sshd" && !hasAccount())
    return Promise.resolve({
      available: false,
      reason: `user ${process.getuid?.() ?? ""} has no account on this machine, and sshd lets nobody else in`,
      remedy: "Run the tests as a user with an account, or as root.",
    });
  return Promise.resolve({ available: true });
}

/** A process may run as a user of which /etc/passwd doesn't know: in a container, say. */
function hasAccount(): boolean {
  try {
    return userInfo().username !== "";
  } catch {
    return false;
  }
}

function lacking(kind: ServerKind): string | undefined {
  switch (kind) {
    case "sshd":
      if (sshdPath() === undefined) return "there is no sshd (OpenSSH's server)";
      return programPath("ssh-keygen") === undefined ? "there is no ssh-keygen" : undefined;
    case "versitygw":
      if (process.env["AXON_BACKUP_TEST_S3"] !== undefined) return undefined;
      return versityGwPath() === undefined ? "there is no versitygw" : undefined;
    case "azurite":
      return azuritePath() === undefined ? "there is no Azurite" : undefined;
  }
}

export function sshdPath(): string | undefined {
  // sshd runs itself again for every connection, and wants to know where it is.
  return programPath("sshd", process.env["AXON_BACKUP_SSHD"], SBIN);
}

export function versityGwPath(): string | undefined {
  return programPath("versitygw", process.env["AXON_BACKUP_VERSITYGW"] ?? join(CACHE, "bin", "versitygw"));
}

/** The script of Azurite's blob service, for Node. */
export function azuritePath(): string | undefined {
  const path =
    process.env["AXON_BACKUP_AZURITE"] ?? join(CACHE, "azurite/node_modules/azurite/dist/src/blob/main.js");
  return isThere(path, constants.R_OK) ? path : undefined;
}

/** @param first looked at before the directories of PATH; `more` are after them */
export function programPath(name: string, first?: string, more: readonly string[] = []): string | undefined {
  const path = (process.env["PATH"] ?? "").split(delimiter).filter((directory) => directory !== "");
  const places = [...path, ...more].map((directory) => join(directory, name));
  return [...(first === undefined ? [] : [first]), ...places].find((place) => isThere(place, constants.X_OK));
}

function isThere(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
