import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { writeBelow } from "./booted-agent.js";
import { BootedSystem } from "./booted.js";
import { repositoryRoot } from "./packages.js";
import { pending } from "./pending.js";
import { product, requireTools, succeed } from "./product.js";

const CACHE = join(repositoryRoot, ".cache/test-servers");
const REMEDY = "run node scripts/install-test-servers.mjs";
/** Where the server of a new machine has its files, which its group may read. */
export const SERVER_STORAGE = "/var/lib/axonserver/data";

/** Prometheus, if it is here. */
export function prometheusOf(): string | undefined {
  const { AXON_BACKUP_PROMETHEUS: chosen, PATH = "" } = process.env;
  const directories = [join(CACHE, "bin"), ...PATH.split(delimiter).filter((entry) => entry !== "")];
  return [
    ...(chosen === undefined ? [] : [chosen]),
    ...directories.map((one) => join(one, "prometheus")),
  ].find((path) => existsSync(path));
}

/**
 * A new machine: an empty Debian with systemd and Node.js, without a network, on which a server runs as a user of its own. Both of the product's packages are in /root, where `runOn` runs commands.
 * Ends the test as pending where that can't be had.
 */
export async function bootNewMachine(context: Mocha.Context): Promise<BootedSystem> {
  const missing = BootedSystem.missing();
  if (missing !== undefined) pending(context, missing);
  requireTools(context, { "dpkg-deb": "dpkg" });
  const archive = join(CACHE, "debian.tar");
  if (!existsSync(archive)) {
    if ((process.env["CI"] ?? "") !== "") throw new Error(`there is no empty Debian: ${REMEDY}`);
    pending(context, `there is no empty Debian; ${REMEDY}`);
  }
  const { deb, npm } = await product();
  const system = await BootedSystem.boot(
    async (root) => {
      writeBelow(root, "etc/hosts", ["127.0.0.1 localhost"], 0o644);
      for (const file of [deb, npm]) cpSync(file, join(root, "root", basename(file)));
      await packNode(root);
      await addServer(root, deb);
      const prometheus = prometheusOf();
      if (prometheus !== undefined) cpSync(prometheus, join(root, "usr/local/bin/prometheus"));
    },
    [],
    { archive, isAlone: true },
  );
  try {
    await runOn(
      system,
      "apt install -qq ./nodejs.deb && adduser --system --group --quiet axonserver && systemctl start axonserver",
    );
    return system;
  } catch (error) {
    await system.close();
    throw error;
  }
}

/** Runs commands as root, as somebody who has just logged in. @throws Error with all that they said, unless every one succeeds */
export function runOn(system: BootedSystem, script: string): Promise<string> {
  const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const environment = ["-i", "HOME=/root", path, "npm_config_offline=true", "NO_COLOR=1"];
  return system.expect(
    "env",
    ...environment,
    "bash",
    "-euo",
    "pipefail",
    "-c",
    `cd /root; exec 2>&1; ${script}`,
  );
}

/** This machine's Node.js and npm as Debian's package `nodejs`, as other sources than Debian have it. */
async function packNode(root: string): Promise<void> {
  const tree = join(root, "root/nodejs");
  mkdirSync(join(tree, "usr/bin"), { recursive: true });
  cpSync(process.execPath, join(tree, "usr/bin/node"));
  const npm = npmFolder();
  if (npm !== undefined) {
    cpSync(npm, join(tree, "usr/lib/node_modules/npm"), { recursive: true });
    symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(tree, "usr/bin/npm"));
  }
  const { stdout: architecture } = await succeed("dpkg", ["--print-architecture"]);
  writeBelow(tree, "DEBIAN/control", [
    "Package: nodejs",
    `Version: ${process.versions.node}`,
    `Architecture: ${architecture.trim()}`,
    "Maintainer: nobody <nobody@example.org>",
    "Depends: libc6, libstdc++6, ca-certificates",
    "Description: Node.js",
  ]);
  chmodSync(tree, 0o755);
  await succeed("dpkg-deb", ["--root-owner-group", "-Znone", "--build", tree]);
}

function npmFolder(): string | undefined {
  const { stdout } = spawnSync("npm", ["root", "--global"], { encoding: "utf8" });
  const folder = join(stdout.trim(), "npm");
  return existsSync(join(folder, "bin/npm-cli.js")) ? folder : undefined;
}

/** What behaves like Axon Server, with sample data and 20 events a second. */
async function addServer(root: string, deb: string): Promise<void> {
  await succeed("dpkg-deb", ["--extract", deb, join(root, "opt/server")]);
  const program =
    "/opt/server/usr/lib/axon-backup/node_modules/@axon-backup/axon-server-standin/bin/axon-server-standin.js";
  const unit = [
    ...["[Service]", "User=axonserver", "Group=axonserver", "UMask=0027"],
    ...["StateDirectory=axonserver", "StateDirectoryMode=0750"],
    `ExecStart=/usr/bin/node ${program} --sample --storage ${SERVER_STORAGE} --port 8024 --rate 20`,
  ];
  mkdirSync(dirname(join(root, "etc/systemd/system/x")), { recursive: true });
  writeFileSync(join(root, "etc/systemd/system/axonserver.service"), `${unit.join("\n")}\n`);
}
