import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { Scene } from "../support/scene.js";
import { holdsWhile } from "../support/wait.js";

interface Report {
  readonly sinks: readonly {
    readonly sink: string;
    readonly objects: number;
    readonly bytes: number;
    readonly read: number;
    readonly damaged: boolean;
    readonly lastRead: readonly {
      readonly key: string;
      readonly bytes: number;
      readonly read: string | null;
    }[];
    readonly verified: readonly { readonly objects: string | null; readonly data: string | null }[];
    readonly store: { readonly segments: number; readonly events: number; readonly controlDbs: number };
    readonly findings: readonly { readonly key: string; readonly depth: string }[];
  }[];
}

describe("verify, night after night", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open({ sinks: ["nas", "offsite"] });
    await scene.expect(0, "backup");
  });
  afterEach(() => scene.close());

  const nas = async (...args: readonly string[]): Promise<Report["sinks"][number]> => {
    const [sink] = (await scene.json<Report>(["verify", "--sink", "nas", ...args])).sinks;
    if (sink === undefined) throw new Error("no sink");
    return sink;
  };

  it("prints no table of what couldn't be verified", async () => {
    for (const name of readdirSync(join(scene.sinkPath("nas"), "restore-points")))
      rmSync(join(scene.sinkPath("nas"), "restore-points", name));
    const { stdout, stderr } = await scene.expect(2, "verify", "--sink", "nas");
    expect(stdout).to.equal("");
    expect(stderr).to.include("has no restore point");
  });

  it("tells of damage that was read until it is mended, with its exit code", async () => {
    const file = "contexts/default/events/00000000000000000000.events";
    const path = join(scene.sinkPath("nas"), file);
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
    writeFileSync(path, bytes);
    await scene.expect(5, "verify", "--sink", "nas", "--read-data");
    const { stdout } = await scene.expect(5, "verify", "--sink", "nas");
    expect(stdout).to.include(file).and.to.include("was found damaged on");
    await scene.expect(0, "backup");
    await scene.expect(0, "verify", "--sink", "nas");
  });

  it("comes round to every object with a budget, and then says since when everything is verified", async () => {
    let report = await nas();
    expect(report).to.include({ read: 0, bytes: 0 });
    expect(report.verified).to.have.length(1);
    expect(report.verified[0]).to.have.property("data", null);
    let nights = 0;
    while (report.lastRead.some(({ read }) => read === null)) {
      const before = report.lastRead.filter(({ read }) => read === null).length;
      report = await nas("--budget", "30%");
      expect(report.read).to.be.above(0);
      const left = report.lastRead.filter(({ read }) => read === null).length;
      // Those read before are read again when there is budget left.
      if (left > 0) expect(before - left).to.equal(report.read);
      expect(++nights).to.be.below(6);
    }
    expect(nights).to.be.above(1);
    const oldest = report.lastRead.map(({ read }) => read ?? "").sort()[0];
    expect(report.verified[0]?.data).to.equal(oldest);
    expect(report.store.segments).to.be.below((await nas("--read-data")).store.segments);
  });

  it("reads within sizes and times on each sink, and shows people what was read when", async () => {
    const { sinks } = await scene.json<Report>(["verify", "--budget", "20KiB", "--for", "1h"]);
    expect(sinks.map(({ sink }) => sink)).to.deep.equal(["nas", "offsite"]);
    for (const { bytes } of sinks) expect(bytes).to.be.at.least(20 * 1024);
    expect(await nas("--for", "1ms"))
      .to.have.property("read")
      .that.is.above(0);
    const { stdout } = await scene.expect(0, "verify", "--objects");
    expect(stdout).to.match(
      /^SINK +DAMAGE +RESTORE POINTS +OBJECTS +SIZE +READ NOW +RATE +LAST READ, OLDEST +NOT READ YET\n/,
    );
    expect(stdout).to.match(
      /^nas +none +1 +\d+ +[\d.]+ MiB +- +- +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC +\d+ \(.*\)$/m,
    );
    expect(stdout).to.match(/^ {2}not yet +[\d.]+ .?i?B +controldb\/\d{8}T\S+\.zip$/m);
    expect((await scene.expect(0, "verify", "--read-data")).stdout).to.match(
      /^ {2}store: \d+ segments with \d+ transactions of \d+ events and snapshots, 1 control DB$/m,
    );
  });

  it("refuses what is no budget", async () => {
    for (const wrong of ["10", "0%"])
      expect((await scene.expect(2, "verify", `--budget=${wrong}`)).stderr).to.include("is not a budget");
    expect((await scene.expect(2, "verify", "--for", "1 hour")).stderr).to.include("--for");
  });

  it("goes on telling of damage with a budget that reads something else, and on the sink that has it alone", async () => {
    const key = "contexts/default/events/00000000000000000034.events";
    const path = join(scene.sinkPath("nas"), key);
    const bytes = readFileSync(path);
    bytes[5000] = (bytes[5000] ?? 0) ^ 4;
    writeFileSync(path, bytes);
    await scene.expect(5, "verify", "--read-data");
    const { sinks } = await scene.json<Report>(["verify", "--budget", "1KiB"], 5);
    expect(sinks.map(({ damaged }) => damaged)).to.deep.equal([true, false]);
    expect(sinks[0]?.findings.map((finding) => [finding.key, finding.depth])).to.deep.equal([[key, "data"]]);
    expect((await scene.run("verify", "--read-data")).stdout)
      .to.include("nas: DAMAGED: 1 finding")
      .and.include("found by reading")
      .and.include("offsite: no damage");
    await scene.expect(0, "backup");
    expect(await nas("--budget", "1KiB")).to.include({ damaged: false });
  });

  it("finds a restore point that is gone, its manifest alone removed", async () => {
    await scene.expect(0, "backup");
    const { sinks } = await scene.json<{ sinks: { restorePoints: { id: string }[] }[] }>(["list"]);
    const newest = sinks[0]?.restorePoints.at(-1)?.id ?? "";
    await scene.expect(0, "verify");
    rmSync(join(scene.sinkPath("nas"), "restore-points", `${newest}.json`));
    expect((await scene.expect(5, "verify")).stdout).to.include(`restore-points/${newest}.json: is missing`);
  });

  it("stopped in the middle (exit code 130), has kept what it read", async () => {
    scene.writeSink("nas", ["type: local", `path: ${scene.sinkPath("nas")}`, "limits:", "  download: 64KiB"]);
    const running = scene.start(["verify", "--sink", "nas", "--read-data", "--verbose"]);
    await holdsWhile(running, () => running.said().includes("read contexts/"));
    running.kill("SIGINT");
    expect(await running.ended).to.include({ code: 130 });
    const { lastRead } = await nas();
    expect(lastRead.filter(({ read }) => read !== null)).to.have.length.above(0);
    expect(lastRead.filter(({ read }) => read === null)).to.have.length.above(0);
  });
});
