// One archive for `npm install --global`: nothing has to be downloaded, compiled or run when it is installed.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { copyProgram, description, packaging, root, write } from "./package-files.mjs";

/**
 * @param {string} to the folder of the archive
 * @param {string} work an empty folder
 * @returns {string} the archive's path
 */
export function packageForNpm(to, work) {
  const { name, version, license, repository, engines, bin, publishConfig, ...own } = description();
  const bundled = copyProgram(work);
  cpSync(join(root, "packages/agent/man"), join(work, "man"), { recursive: true });
  cpSync(join(root, "packages/agent/README.md"), join(work, "README.md"));
  for (const part of ["systemd", "sysusers.d"])
    cpSync(join(packaging, part), join(work, part), { recursive: true });
  const dependencies = Object.fromEntries(
    bundled
      .map((name) => [name, own.dependencies[name] ?? "*"])
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
  write(
    join(work, "package.json"),
    `${JSON.stringify(
      {
        name,
        version,
        description: "Backup agent for Axon Server",
        license,
        repository,
        type: own.type,
        engines,
        bin,
        // A list: of an archive, npm links nothing else.
        man: [own.man],
        publishConfig,
        dependencies,
        bundleDependencies: Object.keys(dependencies),
      },
      null,
      2,
    )}\n`,
  );
  mkdirSync(to, { recursive: true });
  const packed = spawnSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", to], {
    cwd: work,
    encoding: "utf8",
    env: { ...process.env, npm_config_loglevel: "error" },
  });
  if (packed.status !== 0) throw new Error(`npm pack failed\n${packed.stderr ?? packed.error}`);
  const [{ filename }] = Object.values(JSON.parse(packed.stdout));
  return join(to, filename);
}
