import { once } from "node:events";
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { repositoryRoot } from "../support/packages.js";
import { type Replacements, runBlock, shellBlocks } from "../support/page.js";
import { compareStores, Scene } from "../support/scene.js";

const PAGES = ["getting-started", "installing", "operating", "troubleshooting", "security"] as const;
const contentOf = (page: string): string => readFileSync(join(repositoryRoot, `docs/${page}.md`), "utf8");

/** Blocks that no test can run, which say `sh untested`, as they begin, and why. */
const UNTESTED: Readonly<Record<string, string>> = {
  "git clone ": "needs the network; the demo itself is tested with the agent",
  "apt-get ": "needs a package repository; upgrading a package is tested with the systemd service",
};

/** A receiver of notifications: what was sent to it, as method and body. */
async function startReceiver() {
  const got: { readonly method: string; readonly path: string; readonly body: string }[] = [];
  const server = createServer((incoming, answer) => {
    void text(incoming).then((body) => {
      got.push({ method: incoming.method ?? "", path: incoming.url ?? "", body });
      answer.end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { got, port, close };
}

/** A port that nobody has at this moment. */
async function freePort(): Promise<number> {
  const receiver = await startReceiver();
  await receiver.close();
  return receiver.port;
}

describe("the guides in docs", () => {
  let scene: Scene;
  afterEach(() => scene.close());

  /** Runs every block of a page, in its order. `before` is called with each block's heading. */
  async function follow(
    page: string,
    replacements: () => Replacements,
    before?: (heading: string) => void,
  ): Promise<ReadonlyMap<string, string>> {
    const said = new Map<string, string>();
    for (const [heading, blocks] of shellBlocks(`docs/${page}.md`))
      for (const code of blocks) {
        before?.(heading);
        said.set(heading, (said.get(heading) ?? "") + (await runBlock(scene, code, replacements())));
      }
    return said;
  }

  it("get somebody started, from nothing to a service, an alert and a restore", async () => {
    scene = await Scene.open({ sinks: [], rebuildIndexes: true });
    rmSync(scene.config, { recursive: true });
    scene.server.appendSample("default", 60);
    const receiver = await startReceiver();
    const port = await freePort();
    try {
      const [yaml = ""] = [...contentOf("getting-started").matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(
        ([, code = ""]) => code,
      );
      const said = await follow(
        "getting-started",
        () => ({
          "http://localhost:8024": scene.server.url,
          "/mnt/": `${scene.directory}/mnt-`,
          "/axon ": " ",
          "127.0.0.1:9464": `127.0.0.1:${port}`,
          "rm -rf /var/tmp/restored": ":",
          "/var/tmp/": `${scene.directory}/tmp-`,
        }),
        (heading) => {
          const append = (text: string): void => {
            appendFileSync(join(scene.config, "agent.yaml"), `\n${text}`);
          };
          if (heading === "4. Check") append(`service: { listen: "127.0.0.1:${port}" }\n`);
          if (heading === "6. Who is told")
            append(yaml.replaceAll(/https:\/\/[a-z]+\.example\.org/g, `http://127.0.0.1:${receiver.port}`));
        },
      );
      expect(said.get("Without systemd"))
        .to.match(/^nas\b/m)
        .and.match(/^usb\b/m);
      expect(receiver.got.map(({ method, path }) => `${method} ${path}`)).to.include.members([
        "POST /backup",
        "GET /axon-backup",
      ]);
      expect(said.get("Without systemd")).to.include("axon_backup_sink_");
      compareStores(join(scene.storage, "default"), scene.path("tmp-restored/default"));
    } finally {
      await receiver.close();
    }
  });

  /** Two sinks with a restore point, and someone who is told. */
  async function inProduction(port: number): Promise<void> {
    scene = await Scene.open({ sinks: ["nas", "offsite"], rebuildIndexes: true });
    scene.writeAgentConfig(
      ["storage: [{storage}]"],
      [`notifications: [{ping: {url: "http://127.0.0.1:${port}/"}}]`],
    );
    scene.server.appendSample("default", 60);
    await scene.expect(0, "backup");
  }

  it("show a server, a backup and restores in a checkout: README.md", async () => {
    scene = await Scene.open({ store: null });
    const port = await freePort();
    const blocks = [...shellBlocks("README.md").values()].flat();
    expect(blocks).to.have.length(6);
    // As in one terminal, with its jobs: the first one leaves a server that runs.
    const script = `set -m\ntrap 'kill %1' EXIT\ncd '${repositoryRoot}'\n${blocks.join("\n")}`;
    const said = await runBlock(scene, script, {
      "/tmp/axon": scene.path("axon"),
      "localhost:8024": `localhost:${port}`,
      "--port 8024": `--port ${port}`,
    });
    expect(said)
      .to.include("ready to back up")
      .and.match(/^\d{8}T\S+Z .*default: \d+ /m);
    for (const restored of ["restored", "restored-100"])
      expect(readdirSync(scene.path(`axon/${restored}/default`)), restored).not.to.have.length(0);
    expect(existsSync(scene.path("axon/restored-then"))).to.equal(false);
  }).timeout(120_000);

  for (const page of ["operating", "troubleshooting", "security"])
    it(`have commands that work: ${page}.md`, async () => {
      const receiver = await startReceiver();
      try {
        await inProduction(receiver.port);
        await follow(page, () => ({ "/var/tmp/": `${scene.directory}/tmp-` }));
        expect(readdirSync(scene.sinkPath("nas"))).to.include("restore-points");
        expect(existsSync(scene.path("tmp-drill"))).to.equal(false);
      } finally {
        await receiver.close();
      }
    });
});

describe("the pages in docs", () => {
  it("have no command that isn't tried, but for those that can't be", () => {
    for (const page of [
      "README.md",
      ...PAGES.map((page) => `docs/${page}.md`),
      "docs/monitoring/README.md",
    ]) {
      const content = readFileSync(join(repositoryRoot, page), "utf8");
      const blocks = [...content.matchAll(/^```(sh[^\n]*)\n([\s\S]*?)^```$/gm)];
      expect(blocks, page).not.to.have.length(0);
      for (const [, info, code = ""] of blocks) {
        // "systemd": by newcomer.test.ts, which says that it has run each.
        expect(info).to.be.oneOf(["sh", "sh systemd", "sh untested"]);
        expect(
          Object.keys(UNTESTED).some((start) => code.startsWith(start)),
          `${page}: ${code}`,
        ).to.equal(info === "sh untested");
      }
    }
  });

  it("name messages that the program has", () => {
    const sources = ["packages", "plugins"].flatMap((folder) =>
      readdirSync(join(repositoryRoot, folder)).flatMap((name) => sourcesBelow(join(folder, name, "src"))),
    );
    const messages = contentOf("troubleshooting")
      .split("\n")
      .filter((line) => line.startsWith("| `"))
      .flatMap((line) =>
        [...(line.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, quoted = ""]) => quoted),
      );
    expect(messages).to.have.length.above(35);
    const missing = messages.filter((message) => {
      const parts = message.split("…").map((part) => part.trim());
      return !sources.some((source) => parts.every((part) => source.includes(part)));
    });
    expect(missing).to.deep.equal([]);
  });

  it("link to pages and headings that there are", () => {
    for (const page of [...PAGES, "configuration"])
      for (const [, target = ""] of contentOf(page).matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
        const [path = "", anchor] = target.split("#");
        const file =
          path === "" ? join(repositoryRoot, `docs/${page}.md`) : join(repositoryRoot, "docs", path);
        expect(existsSync(file), `${page}: ${target}`).to.equal(true);
        if (anchor !== undefined) expect(anchorsOf(readFileSync(file, "utf8")), page).to.include(anchor);
      }
  });
});

function sourcesBelow(folder: string): readonly string[] {
  const path = join(repositoryRoot, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(path, name), "utf8"));
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(content: string): readonly string[] {
  return [...content.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
