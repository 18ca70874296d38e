import { createHmac } from "node:crypto";

/** What a known_hosts file says about one host. */
export interface KnownHost {
  readonly keys: readonly HostKey[];
  /** Keys that must never be accepted. */
  readonly revoked: readonly HostKey[];
  /** How many certificate authorities are trusted for the host: this client knows no certificates. */
  readonly authorities: number;
}

/** A public key of a host. */
export interface HostKey {
  /** As `ssh-ed25519`. */
  readonly type: string;
  readonly blob: Buffer;
}

/** A line of a known_hosts file. */
export interface KnownHostsLine {
  readonly marker: "" | "@revoked" | "@cert-authority";
  /** Comma-separated patterns, or one hashed name. */
  readonly hosts: string;
  readonly key: HostKey;
}

/** The lines of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). What isn't of the format is skipped, as OpenSSH does. */
export function parseKnownHosts(text: string): readonly KnownHostsLine[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const fields = line.trim().split(/[ \t]+/);
    const marked = fields[0]?.startsWith("@") === true;
    const [marker, hosts, type, key] = marked ? fields : ["", ...fields];
    if (hosts === undefined || hosts === "" || hosts.startsWith("#") || type === undefined) return [];
    if (marker !== "" && marker !== "@revoked" && marker !== "@cert-authority") return [];
    const blob = Buffer.from(key ?? "", "base64");
    return blobType(blob) === type ? [{ marker, hosts, key: { type, blob } }] : [];
  });
}

/** The type that a public key in its wire format begins with (RFC 4253, section 6.6), if it is one. */
export function blobType(blob: Buffer): string | undefined {
  if (blob.byteLength < 4) return undefined;
  const length = blob.readUInt32BE(0);
  return length > 0 && length <= 64 && blob.byteLength > 4 + length
    ? blob.toString("latin1", 4, 4 + length)
    : undefined;
}

/**
 * What `lines` say about a host. With a port other than 22 the entries are those of `[host]:port`; where there are none, those of
 * the host alone, as OpenSSH does. Revoked keys are those of either.
 */
export function knownHost(lines: readonly KnownHostsLine[], host: string, port: number): KnownHost {
  const name = host.toLowerCase();
  const plain = select(lines, name);
  if (port === 22) return plain;
  const exact = select(lines, `[${name}]:${port}`);
  const { keys, authorities } = exact.keys.length + exact.authorities > 0 ? exact : plain;
  return { keys, authorities, revoked: [...exact.revoked, ...plain.revoked] };
}

function select(lines: readonly KnownHostsLine[], name: string): KnownHost {
  const matching = lines.filter(({ hosts }) => matchesHosts(hosts, name));
  const keysOf = (marker: KnownHostsLine["marker"]): readonly HostKey[] =>
    matching.filter((line) => line.marker === marker).map(({ key }) => key);
  return { keys: keysOf(""), revoked: keysOf("@revoked"), authorities: keysOf("@cert-authority").length };
}

/** Whether a hosts field means `name` (lower case; `[host]:port` for ports other than 22). A negated pattern that matches beats all others. */
export function matchesHosts(hosts: string, name: string): boolean {
  if (hosts.startsWith("|")) return matchesHash(hosts, name);
  let found = false;
  for (const pattern of hosts.toLowerCase().split(",")) {
    const negated = pattern.startsWith("!");
    if (!matchesPattern(negated ? pattern.slice(1) : pattern, name)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

/** `|1|salt|hash`: HMAC-SHA1 of the name with the salt as key. */
function matchesHash(hosts: string, name: string): boolean {
  const [, version, salt, hash] = hosts.split("|");
  if (version !== "1" || salt === undefined || hash === undefined) return false;
  const wanted = createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest();
  return wanted.equals(Buffer.from(hash, "base64"));
}

/** `*` is any number of characters, `?` one. Takes time in proportion to the product of the lengths at worst. */
function matchesPattern(pattern: string, name: string): boolean {
  let [at, from] = [0, 0];
  // Where to go on when what came after the last star turns out not to match.
  let [star, resume] = [-1, 0];
  while (from < name.length) {
    const wanted = pattern[at];
    if (wanted === "*") {
      star = at++;
      resume = from;
    } else if (wanted === "?" || (wanted !== undefined && wanted === name[from])) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      from = ++resume;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}
