import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { type Done, install, pack, repositoryRoot, run, workspacesOf } from "../support/packages.js";
import { pending } from "../support/pending.js";
import { compareStores, Scene } from "../support/scene.js";

interface WebDavServer {
  readonly url: string;
  readonly root: string;
  close(): Promise<void>;
}

const EXAMPLE = "axon-backup-sink-webdav";

/**
 * What a stranger does: a sink in a folder of its own, from what `npm publish` would publish, and then the agent with it. Nothing of this
 * checkout is used but archives.
 */
describe("a sink of a stranger, from packed packages", function () {
  this.timeout(300_000);
  const directory = mkdtempSync(join(tmpdir(), "axon-backup-stranger-"));
  const example = join(directory, EXAMPLE);
  const app = join(directory, "app");
  let archives: ReadonlyMap<string, string>;
  let opened: Scene | undefined;
  let server: WebDavServer | undefined;

  const theScene = (): Scene => {
    if (opened === undefined) throw new Error("there is no scene");
    return opened;
  };
  const archive = (...names: readonly string[]) =>
    names.map((name) => {
      const path = archives.get(name);
      if (path === undefined) throw new Error(`${name} wasn't packed`);
      return path;
    });

  before(async function () {
    for (const folder of ["archives", "app"]) mkdirSync(join(directory, folder));
    archives = await pack(
      workspacesOf(["axon-backup", "@axon-backup/sink-testkit"]),
      join(directory, "archives"),
    );
    cpSync(join(repositoryRoot, "examples/sink-webdav"), example, {
      recursive: true,
      filter: (path) => !/\/(node_modules|dist|dist-test)$/.test(path),
    });
    // An empty package.json: without one, npm would look for a folder above.
    writeFileSync(join(app, "package.json"), "{}");
    const needed = archive("@axon-backup/sink", "@axon-backup/sink-testkit");
    const missing = (await install(needed, example)) ?? (await install([...archives.values()], app));
    if (missing !== undefined) {
      const reason = `packages can't be had from npm's registry (${missing}); give this machine access to it, or fill npm's cache`;
      if (process.env["CI"] !== undefined) throw new Error(reason);
      pending(this, reason);
    }
    opened = await Scene.open({ rebuildIndexes: true });
  });
  after(async () => {
    await server?.close();
    await opened?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Runs the agent that was installed from its archive. */
  async function agent(code: number, ...args: readonly string[]): Promise<Done> {
    const done = await run(
      join(app, "node_modules/.bin/axon-backup"),
      ["--config", theScene().config, ...args],
      directory,
    );
    if (done.code !== code)
      throw new Error(
        `axon-backup ${args.join(" ")} ended with ${done.code}\n${done.stdout}\n${done.stderr}`,
      );
    return done;
  }

  it("compiles, and passes its own tests, the contract's among them", async () => {
    const { code, stdout, stderr } = await run("npm", ["test"], example);
    expect(code, stdout + stderr).to.equal(0);
    expect(stdout).to.match(/[6-9]\d passing/);
  });

  it("is what a package should be: compiled, and nothing else", async () => {
    const { code, stdout, stderr } = await run("npm", ["pack", "--json", "--ignore-scripts"], example);
    expect(code, stderr).to.equal(0);
    const [packed] = Object.values(JSON.parse(stdout) as readonly { files: readonly { path: string }[] }[]);
    const files = packed?.files.map(({ path }) => path) ?? [];
    expect(files).to.include.members(["dist/index.js", "dist/index.d.ts", "package.json", "README.md"]);
    expect(files.filter((path) => /test|tsconfig/.test(path))).to.deep.equal([]);
  });

  it("isn't there at first: the agent says what to type, and that works", async () => {
    const started = (await import(pathToFileURL(join(example, "dist-test/server.js")).href)) as {
      startServer(): Promise<WebDavServer>;
    };
    server = await started.startServer();
    const scene = theScene();
    scene.writeSink("nas", [`type: ${EXAMPLE}`, `url: ${server.url}axon`]);
    const { stderr } = await agent(3, "list");
    const command =
      /npm (install --prefix \S+ \S+)/.exec(stderr.replace(/, or .*/, ""))?.[1]?.split(" ") ?? [];
    expect(command.slice(1)).to.deep.equal(["--prefix", scene.config, EXAMPLE]);
    const [tarball = ""] = readdirSync(example).filter((name) => name.endsWith(".tgz"));
    // As it is typed; but nothing is published yet, so that archives take the place of names.
    const typed = [...command.slice(1, -1), join(example, tarball), ...archive("@axon-backup/sink")];
    expect(await install(typed, directory)).to.equal(undefined);
    expect((await agent(1, "list")).stderr).to.include("axon/ doesn't exist");
  });

  it("has its options checked, and its schema printed", async () => {
    const scene = theScene();
    scene.writeSink("wrong", [`type: webdav`, `ulr: http://x/`]);
    const { stderr } = await agent(3, "list");
    expect(stderr).to.include("wrong.yaml:2:1: ulr: unknown key; did you mean url?");
    rmSync(join(scene.config, "sinks.d/wrong.yaml"));
    const schema = JSON.parse((await agent(0, "schema", "sink", EXAMPLE)).stdout) as { properties: object };
    expect(schema.properties).to.include.keys("type", "enabled", "url", "user", "password");
  });

  it("can what it can, by `check`, which leaves nothing behind", async () => {
    const { stdout } = await agent(0, "check");
    expect(stdout).to.match(/^all or nothing +yes /m);
    expect(stdout).to.match(
      /^extend +no +an object can't grow in place: between backups, copies of open segments are sent whole/m,
    );
    expect(
      readdirSync(join(server?.root ?? "", "axon")).filter((name) => !name.startsWith(".")),
    ).to.deep.equal([]);
    // It notices a moment later that its reader has left; what it doesn't notice then, it never does.
    for (let tries = 0; tries < 100 && openBelow(server?.root ?? "").length > 0; tries++)
      await setTimeout(50);
    expect(openBelow(server?.root ?? ""), "files that the server still has open").to.deep.equal([]);
  });

  it("keeps a backup: backed up, verified to the last byte, restored, compared", async () => {
    await agent(0, "backup");
    const scene = theScene();
    scene.server.appendSample("default", 50);
    await agent(0, "backup");
    expect(await agent(0, "verify", "--read-data"))
      .to.have.property("stdout")
      .that.includes("nas");
    const target = scene.path("restored");
    await agent(0, "restore", "--to", target);
    compareStores(join(scene.storage, "default"), join(target, "default"));
    expect(readFileSync(join(server?.root ?? "", "axon/repository.json"), "utf8")).to.include("axon-backup");
  });
});

/** What this process has open below a directory, where the system tells. */
function openBelow(directory: string): string[] {
  if (!existsSync("/proc/self/fd")) return [];
  return readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith(`${directory}/`) ? [path] : [];
    } catch {
      return []; // closed meanwhile: that of reading this very directory
    }
  });
}
