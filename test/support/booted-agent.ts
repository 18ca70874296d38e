import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BootedSystem } from "./booted.js";
import { pending } from "./pending.js";
import { product, requireTools, succeed } from "./product.js";
import { Scene } from "./scene.js";

/** A group of a server's, which this machine doesn't have. */
const SERVER_GROUP = 61_234;

/** Where the package is, in the booted system. */
export const PACKAGE = "/opt/axon-backup.deb";

/** A server on this machine, and a booted system that sees its files. */
export interface BootedAgent {
  readonly scene: Scene;
  readonly system: BootedSystem;
}

/**
 * Boots this machine's system with a configuration of two sinks, `home` and `nas`, for a server with access control whose files its group may read. The package isn't installed yet: it is at
 * `PACKAGE`. Ends the test as pending where that can't be had.
 */
export async function bootWithAgent(context: Mocha.Context): Promise<BootedAgent> {
  const missing = BootedSystem.missing();
  if (missing !== undefined) pending(context, missing);
  requireTools(context, { dpkg: "dpkg" });
  const { deb } = await product();
  const scene = await Scene.open({
    rebuildIndexes: true,
    sinks: [],
    accessControl: { admin: "the-token-of-the-agent", application: "another" },
  });
  try {
    chmodSync(scene.directory, 0o755);
    giveToServerGroup(serverOf(scene));
    mkdirSync(scene.path("nas"));
    const system = await BootedSystem.boot(
      (root) => {
        configure(root, scene, deb);
        return Promise.resolve();
      },
      [
        { from: serverOf(scene), to: "/srv/server" },
        { from: scene.path("nas"), to: "/srv/nas" },
      ],
    );
    return { scene, system };
  } catch (error) {
    await scene.close();
    throw error;
  }
}

export async function closeAgent({ scene, system }: BootedAgent): Promise<void> {
  await system.close();
  await scene.close();
}

/** The package that is at `PACKAGE`. What it depends on is there, though maybe not by dpkg. */
export async function installPackage(system: BootedSystem, file = PACKAGE): Promise<void> {
  await system.expect("dpkg", "--force-depends", "--force-confold", "--install", file);
}

/** What an operator gives the agent's user: its configuration to read, and a sink's directory. */
export async function giveWhatItNeeds(system: BootedSystem): Promise<void> {
  await system.expect("chgrp", "-R", "axon-backup", "/etc/axon-backup");
  await system.expect("install", "-d", "-o", "axon-backup", "-m", "0700", "/srv/nas/axon");
}

function configure(root: string, scene: Scene, deb: string): void {
  cpSync(deb, join(root, PACKAGE));
  writeBelow(root, "etc/axon-backup/agent.yaml", [
    `server:`,
    `  url: ${scene.server.url}`,
    `  token: {credential: axon-token}`,
    `  storage: [/srv/server/data]`,
    `  paths: [{server: ${serverOf(scene)}, local: /srv/server}]`,
    `service: {listen: off}`,
  ]);
  writeBelow(root, "etc/axon-backup/sinks.d/home.yaml", [`type: local`, `path: /var/lib/axon-backup/home`]);
  writeBelow(root, "etc/axon-backup/sinks.d/nas.yaml", [`type: local`, `path: /srv/nas/axon`]);
  writeBelow(root, "etc/credentials/axon-token", ["the-token-of-the-agent"], 0o600);
  for (const folder of ["axon-backup.service.d", "axon-backup-.service.d"])
    writeBelow(
      root,
      `etc/systemd/system/${folder}/site.conf`,
      [
        `[Service]`,
        `SupplementaryGroups=axonserver`,
        `ReadWritePaths=/srv/nas`,
        `LoadCredential=axon-token:/etc/credentials/axon-token`,
      ],
      0o644,
    );
  const groups = readFileSync(join(root, "etc/group"), "utf8");
  writeFileSync(join(root, "etc/group"), `${groups}axonserver:x:${SERVER_GROUP}:\n`);
}

function serverOf(scene: Scene): string {
  return join(scene.directory, "server");
}

/** As a server does whose files its group may read. */
export function giveToServerGroup(directory: string): void {
  chownSync(directory, 0, SERVER_GROUP);
  chmodSync(directory, 0o2750);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) giveToServerGroup(path);
    else {
      chownSync(path, 0, SERVER_GROUP);
      chmodSync(path, 0o640);
    }
  }
}

/** A file below a root file system. */
export function writeBelow(root: string, path: string, lines: readonly string[], mode = 0o640): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), `${lines.join("\n")}\n`, { mode });
}

/** Puts the package's next version into the booted system. @returns where */
export async function nextPackage(system: BootedSystem, version: string): Promise<string> {
  const tree = join(system.root, "opt/next");
  const { deb } = await product();
  await succeed("dpkg-deb", ["--raw-extract", deb, tree]);
  for (const [file, pattern, line] of [
    ["DEBIAN/control", /^Version: .*/m, `Version: ${version}`],
    ["usr/lib/axon-backup/package.json", /"version": "[^"]*"/, `"version": "${version}"`],
  ] as const) {
    const path = join(tree, file);
    writeFileSync(path, readFileSync(path, "utf8").replace(pattern, line));
  }
  await succeed("dpkg-deb", ["--root-owner-group", "-Znone", "--build", tree, `${tree}.deb`]);
  return "/opt/next.deb";
}
