import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startStandin, type Standin } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { runBlock, type Replacements, shellBlocks } from "../support/page.js";
import { requirePrograms } from "../support/pending.js";
import { compareStores, filesBelow, Scene } from "../support/scene.js";

const blocks = shellBlocks("docs/restoring.md");
const HOUR = 3_600_000;
/** Sample events are a second apart: this is the time of token 0. */
const SAMPLE_TIME = 1_700_000_000_000;

/** A context whose name doesn't stand in keys as it is. */
const ODD = "_weird.name";

/** Where the page restores to. */
const DATA = "/var/lib/axonserver/data";

describe("the page on restoring", () => {
  let scene: Scene;
  let standin: Standin | undefined;
  /** The server's clock. */
  let now: number;
  beforeEach(async () => {
    now = Date.now() - 5 * HOUR;
    scene = await Scene.open({ sinks: ["nas", "offsite"], clock: () => now });
  });
  afterEach(async () => {
    await standin?.close();
    standin = undefined;
    await scene.close();
  });

  /** Makes a restore point on every sink, whose id is the same, and says what it is. */
  async function backup(code = 0): Promise<string> {
    const { sinks } = await scene.json<{ sinks: readonly { restorePoint: string }[] }>(["backup"], code);
    return sinks[0]?.restorePoint ?? "";
  }

  /** Runs the blocks below a heading, all of them or some. */
  async function follow(
    heading: string,
    replacements: Replacements,
    from = 0,
    to = Infinity,
  ): Promise<string> {
    const section = blocks.get(heading);
    if (section === undefined) throw new Error(`the page has no heading ${heading}`);
    let said = "";
    for (const code of section.slice(from, to))
      said += await runBlock(scene, code, {
        [DATA]: scene.path("data"),
        "/var/tmp/": `${scene.directory}/tmp-`,
        "/mnt/nas/axon": scene.sinkPath("nas"),
        ...replacements,
      });
    return said;
  }

  const manifestOf = (sink: string): string =>
    `restore-points/${
      readdirSync(join(scene.sinkPath(sink), "restore-points"))
        .sort()
        .at(-1) ?? ""
    }`;
  const restored = (name = "data"): string => scene.path(`${name}/default`);
  const server = (): string => join(scene.storage, "default");

  function flip(sink: string, file: string): void {
    const path = join(scene.sinkPath(sink), file);
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
    writeFileSync(path, bytes);
  }

  it("brings a lost disk back, though the first sink has damage", async () => {
    scene.server.appendSample("default", 200);
    await backup();
    flip("nas", "contexts/default/events/00000000000000000000.events");
    const said = await follow("1. The disk is lost", {});
    expect(said).to.include("offsite");
    compareStores(server(), restored());
  });

  it("brings back the moment before an aggregate was deleted", async () => {
    scene.server.appendSample("default", 60);
    const first = await backup();
    now += HOUR;
    scene.server.appendSample("default", 20);
    const good = scene.server.head("default");
    const time = new Date(SAMPLE_TIME + good * 1000 + 500).toISOString();
    now += HOUR;
    scene.server.appendSample("default", 30, { perTransaction: 1 });
    await backup();
    await follow("2. An aggregate was deleted, or wrong events were written", {
      "2026-11-24T02:59:59Z": time,
      "--token 150 ": `--token ${good + 1} `,
      "20261124T010000.000Z": first,
    });
    for (const name of ["tmp-before", "tmp-before-token"]) {
      const again = await startStandin({ generation: "2023.2", storage: scene.path(name) });
      try {
        expect(again.head("default"), name).to.equal(good);
      } finally {
        await again.close();
      }
    }
  });

  it("finds what is whole after a host was ransomed", async () => {
    scene.server.appendSample("default", 60);
    const first = await backup();
    const before = filesBelow(server());
    scene.server.appendSample("default", 60);
    await backup();
    await scene.server.close();
    await follow("3. The host was ransomed", { "20261124T010000.000Z": first });
    const after = filesBelow(restored());
    for (const [name, bytes] of before)
      if (name.endsWith(".events")) expect(after.get(name)?.equals(bytes), name).to.equal(true);
  });

  it("goes back to the timeline of the right server", async () => {
    scene.server.appendSample("default", 60);
    const first = await backup();
    const right = filesBelow(server());
    const { port, storage } = scene.server;
    await scene.server.close();
    rmSync(join(storage, "default"), { recursive: true });
    standin = await startStandin({ generation: "2023.2", storage, port, handoverInterval: 0 });
    standin.appendSample("default", 10);
    await backup(7);
    const said = await follow("4. The server's history has diverged", { "20261124T010000.000Z": first });
    expect(said).to.match(/timeline/);
    for (const [name, bytes] of filesBelow(restored()))
      expect(right.get(name)?.equals(bytes), name).to.equal(true);
  });

  it("mends a damaged repository, and does without it", async () => {
    scene.server.appendSample("default", 200);
    await backup();
    const file = "contexts/default/events/00000000000000000000.events";
    const whole = readFileSync(join(scene.sinkPath("nas"), file));
    flip("nas", file);
    await follow("5. The repository is damaged", {}, 0, 2);
    expect(readFileSync(join(scene.sinkPath("nas"), file)).equals(whole)).to.equal(true);
    flip("nas", file);
    await follow("5. The repository is damaged", {}, 2);
    compareStores(server(), restored());
  });

  it("brings a store back by hand", async function () {
    requirePrograms(this);
    await scene.close();
    scene = await Scene.open({ contexts: ["default", ODD] });
    scene.server.appendSample("default", 3000);
    scene.server.appendSample(ODD, 50);
    await backup();
    scene.server.appendSample("default", 100);
    await backup();
    const said = await follow("By hand, without our software", {});
    const [written, meant] = said.trim().split("\n");
    expect(written)
      .to.match(/^[0-9a-f]{64}$/)
      .and.equal(meant);
    compareStores(server(), restored("tmp-by-hand"));
    compareStores(join(scene.storage, ODD), scene.path(`tmp-by-hand/${ODD}`));
  });

  it("stops, by hand, at what isn't as it was stored", async function () {
    requirePrograms(this);
    scene.server.appendSample("default", 60);
    await backup();
    const { body } = JSON.parse(readFileSync(join(scene.sinkPath("nas"), manifestOf("nas")), "utf8")) as {
      readonly body: {
        readonly contexts: readonly { readonly events: { readonly open: readonly { name: string }[] } }[];
      };
    };
    const open = body.contexts[0]?.events.open[0]?.name ?? "";
    rmSync(join(scene.sinkPath("nas"), `contexts/default/events/${open}`));
    for (const [page, heading] of [
      ["docs/restoring.md", "By hand, without our software"],
      ["docs/repository-format.md", "Restoring by hand"],
    ] as const) {
      const [script = ""] = shellBlocks(page).get(heading) ?? [];
      const paths = { "/mnt/nas/axon": scene.sinkPath("nas"), "/var/tmp/": `${scene.directory}/stops-` };
      const own = Object.entries(paths).reduce((text, [from, to]) => text.replaceAll(from, to), script);
      // As a reader runs it: nothing but the script itself makes it stop.
      const { status, stderr } = spawnSync("sh", ["-c", `${own}\necho whole`], {
        cwd: scene.directory,
        encoding: "utf8",
        env: {
          ...process.env,
          R: scene.sinkPath("nas"),
          P: manifestOf("nas").slice(15, -5),
          T: scene.path("stops"),
        },
      });
      expect(status, page).not.to.equal(0);
      expect(stderr, page).to.include(open);
    }
  });

  it("brings a context with an odd name back, as the page on the format says", async function () {
    requirePrograms(this);
    await scene.close();
    scene = await Scene.open({ contexts: ["default", ODD] });
    scene.server.appendSample(ODD, 500);
    const id = await backup();
    const [script = ""] = shellBlocks("docs/repository-format.md").get("Restoring by hand") ?? [];
    mkdirSync(scene.path("odd"));
    await runBlock(scene, script, {
      "C=default ": `C=${ODD} `,
      $R: scene.sinkPath("nas"),
      $P: id,
      $T: scene.path("odd"),
    });
    compareStores(join(scene.storage, ODD), scene.path(`odd/${ODD}`));
  });

  it("has a drill that passes", async () => {
    scene.server.appendSample("default", 60);
    await backup();
    await follow("A drill, for every month", {});
  });

  it("has no command that isn't tried here", () => {
    const commands = [...blocks.values()].flat().join("");
    expect(commands.match(/^axon-backup \w+/gm)).to.have.length.above(15);
    const headings = [...blocks].filter(([, section]) => section.length > 0).map(([heading]) => heading);
    expect(headings).to.deep.equal([
      "1. The disk is lost",
      "2. An aggregate was deleted, or wrong events were written",
      "3. The host was ransomed",
      "4. The server's history has diverged",
      "5. The repository is damaged",
      "By hand, without our software",
      "A drill, for every month",
    ]);
  });
});
