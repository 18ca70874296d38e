import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { installedPlugins } from "../dist/composition/plugins.js";
import { loadConfiguration } from "../dist/config/load.js";
import { ConfigurationError, problemText } from "../dist/config/problem.js";
import { sinkSchema } from "../dist/config/sink-schema.js";
import { agentFile, sinkFile } from "../dist/init/files.js";
import { parseSinks, withLogin } from "../dist/init/sink-spec.js";
import { writeNew } from "../dist/init/write-new.js";
import { folder, removeFolders } from "./support.js";

const PLACES = [
  "local:/mnt/nas/axon",
  "s3:bucket/axon/production",
  "azure:account/container/axon",
  "sftp:me@nas.example.com:2222/srv/axon",
];

const AGENT = { url: "http://localhost:8024", storage: ["/var/lib/axonserver/data"] };

/** The text with each of its keys that are commented out, one at a time and with what is in it, made a key. */
function* uncommented(text: string): Generator<readonly [key: string, text: string]> {
  const lines = text.split("\n");
  for (const [at, line] of lines.entries()) {
    const [, indent, key] = /^(\s*)#([a-z][a-z_0-9-]*):/.exec(line) ?? [];
    if (indent === undefined || key === undefined) continue;
    let end = at + 1;
    while (lines[end]?.startsWith(`${indent}#  `) === true) end++;
    const freed = lines.slice(at, end).map((each) => each.replace(`${indent}#`, indent));
    const whole = [...lines.slice(0, at), ...freed, ...lines.slice(end)].join("\n");
    yield [key, whole];
    // Keys within it.
    for (const [inner, more] of uncommented(freed.slice(1).join("\n")))
      yield [`${key}.${inner}`, [...lines.slice(0, at), freed[0], more, ...lines.slice(end)].join("\n")];
  }
}

async function problems(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  try {
    await loadConfiguration(folder(files), installedPlugins());
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(problemText);
    throw error;
  }
}

async function sinkText(place: string): Promise<string> {
  const [spec] = parseSinks([place]);
  if (spec === undefined) throw new Error("no sink");
  const { plugin } = await installedPlugins().load(spec.type, "/etc/axon-backup");
  return sinkFile(withLogin(spec, "/etc/axon-backup"), plugin.description, sinkSchema(plugin.optionsSchema));
}

/** Keys that can't stand alone, or not beside what is set. */
const NOT_ALONE =
  /required, because|every is there as well|sse-c|must be equal|must have required property 'key'|needs server\.control_db|is for https/;

describe("the files that init writes", () => {
  afterEach(removeFolders);

  for (const place of PLACES)
    it(`load as they are: ${place}`, async () => {
      const text = await sinkText(place);
      const agent = agentFile({ server: AGENT, contexts: ["default"] }, ["for a test"]);
      const [type = ""] = place.split(":");
      expect(await problems({ "agent.yaml": agent, "sinks.d/it.yaml": text })).to.deep.equal([]);
      expect(text).to.match(new RegExp(`^type: ${type}$`, "m"));
    });

  it("agent.yaml has every key, and what is commented out is right as it stands", async () => {
    const text = agentFile({ server: AGENT }, []);
    let keys = 0;
    for (const [key, whole] of uncommented(text)) {
      keys++;
      const found = (await problems({ "agent.yaml": whole })).filter((problem) => !NOT_ALONE.test(problem));
      expect(found, `${key}: add an example to init/examples.ts`).to.deep.equal([]);
    }
    expect(keys).to.be.above(25);
    for (const section of [
      "schedule",
      "continuous",
      "verify",
      "prune",
      "promise",
      "service",
      "notifications",
    ])
      expect(text).to.match(new RegExp(`^#${section}:`, "m"));
  });

  for (const place of PLACES)
    it(`a sink's file has every key, and what is commented out is right as it stands: ${place}`, async () => {
      const text = await sinkText(place);
      const keys: string[] = [];
      for (const [key, whole] of uncommented(text)) {
        keys.push(key);
        const found = (await problems({ "sinks.d/it.yaml": whole })).filter(
          (problem) => !NOT_ALONE.test(problem),
        );
        expect(found, `${key}: add an example to init/examples.ts`).to.deep.equal([]);
      }
      expect(keys).to.include.members(["retention", "retention.keep_hourly", "connections", "limits"]);
    });

  it("explains each key in comments of no more than a line's width", async () => {
    for (const text of [agentFile({ server: AGENT }, []), ...(await Promise.all(PLACES.map(sinkText)))]) {
      for (const line of text.split("\n").slice(6)) expect(line.length, line).to.be.below(140);
      expect(text).not.to.match(/ $/m);
      expect(text.endsWith("\n") && !text.endsWith("\n\n")).to.equal(true);
    }
  });

  it("lets nothing that a server says out of its comment", async () => {
    const text = agentFile({ server: AGENT }, ["node\nserver: {url: http://evil}\u2028x"]);
    expect(await problems({ "agent.yaml": text })).to.deep.equal([]);
    expect(text).not.to.match(/^server: \{/m);
  });
});

describe("the places that sinks are written as", () => {
  const spec = (text: string) => parseSinks([text])[0];

  it("are a type and what that needs", () => {
    expect(spec("local:relative")?.options).to.deep.equal({ path: join(process.cwd(), "relative") });
    expect(spec("s3:bucket")?.options).to.deep.equal({ bucket: "bucket" });
    expect(spec("offsite=s3:b/c/d")).to.deep.equal({
      name: "offsite",
      type: "s3",
      options: { bucket: "b", prefix: "c/d" },
    });
    expect(spec("azure:a/c")?.options).to.deep.include({ account: "a", container: "c" });
    expect(spec("sftp:me@[::1]:22/~/backups")?.options).to.deep.equal({
      host: "::1",
      port: 22,
      user: "me",
      path: "backups",
    });
    expect(parseSinks(["local:/a", "local:/b"]).map(({ name }) => name)).to.deep.equal(["local", "local-2"]);
  });

  for (const text of [
    "local",
    "local:",
    "/mnt/nas",
    "ftp:x",
    "azure:account",
    "sftp:host/path",
    "sftp:me@host",
    "Nas=local:/x",
    "constructor:x",
  ])
    it(`can't be ${text}`, () => {
      expect(() => parseSinks([text]))
        .to.throw()
        .with.property("name", "UsageError");
    });
});

describe("writing a new file", () => {
  afterEach(removeFolders);

  it("never touches what is there, not even a link that leads nowhere", async () => {
    const directory = folder({ there: "mine" });
    symlinkSync("/nonexistent", join(directory, "link"));
    mkdirSync(join(directory, "folder"));
    for (const name of ["there", "link", "folder"])
      expect(await writeNew(join(directory, name), "new"), name).to.equal(false);
    expect(readFileSync(join(directory, "there"), "utf8")).to.equal("mine");
    expect(readdirSync(directory).sort()).to.deep.equal(["folder", "link", "there"]);
  });

  it("lets one of several win, and leaves nothing else", async () => {
    const directory = folder();
    const path = join(directory, "x");
    const results = await Promise.all(
      ["a", "b", "c", "d"].map((text) => writeNew(path, text.repeat(10_000))),
    );
    expect(results.filter(Boolean)).to.have.length(1);
    expect(readFileSync(path, "utf8"))
      .to.match(/^(a+|b+|c+|d+)$/)
      .and.have.length(10_000);
    expect(readdirSync(directory)).to.deep.equal(["x"]);
  });

  it("lets the group read it, and nobody else", async () => {
    const directory = folder();
    const old = process.umask(0o077);
    await writeNew(join(directory, "x"), "new").finally(() => process.umask(old));
    const { mode, gid } = statSync(join(directory, "x"));
    expect(mode & 0o777).to.equal(0o640);
    expect(gid).to.equal(statSync(directory).gid);
  });
});
