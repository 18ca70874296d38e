import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get as httpsGet } from "node:https";
import { basename, join, normalize } from "node:path";

import { sampleTls, SAMPLE_CONTROL_DB } from "@axon-backup/axon-server-standin";
import { expect } from "chai";

import { cleanUp, listEvents, start, temporaryDirectory } from "./support.js";

describe("the stand-in as a server", () => {
  afterEach(cleanUp);

  it("writes a new control DB backup at each call, also within a millisecond, and answers where", async () => {
    const now = 1_795_486_544_709;
    const standin = await start({ clock: () => now });
    const call = async (): Promise<string> => {
      const response = await fetch(`${standin.url}/createControlDbBackup`, { method: "POST" });
      return response.text();
    };
    const paths = await Promise.all([call(), call(), call()]);
    expect(new Set(paths).size).to.equal(3);
    expect(paths.map((path) => basename(path)).sort()).to.deep.equal([
      `controldb${now}.zip`,
      `controldb${now + 1}.zip`,
      `controldb${now + 2}.zip`,
    ]);
    for (const path of paths) {
      const zip = readFileSync(normalize(path));
      expect(zip.toString("latin1")).to.include("axonserver-controldb.mv.db");
      // The compressed database is as long as the captured one, more or less.
      expect(zip.byteLength).to.be.closeTo(readFileSync(SAMPLE_CONTROL_DB).byteLength, 1000);
    }
  });

  it("claims another path than the real one, with and without /./", async () => {
    const claimed = { serverPath: "/axonserver/events", handoverInterval: 0 } as const;
    const dotted = await start(claimed);
    dotted.appendSample("default", 40);
    const [open, closed] = (await listEvents(dotted)).filenames;
    expect(open).to.match(/^\/axonserver\/events\/default\/0+34?\d*\.events$/);
    expect(closed).to.equal("/axonserver/./events/default/00000000000000000000.bloom");
    const plain = await start({ ...claimed, spellDotSlash: false });
    plain.appendSample("default", 40);
    expect((await listEvents(plain)).filenames[1]).to.equal(
      "/axonserver/events/default/00000000000000000000.bloom",
    );
  });

  it("lists paths that exist, when it claims none", async () => {
    const standin = await start({ handoverInterval: 0 });
    standin.appendSample("default", 40);
    for (const path of (await listEvents(standin)).filenames)
      expect(existsSync(normalize(path)), path).to.be.true;
  });

  it("serves several contexts, each with tokens of its own", async () => {
    const standin = await start({ contexts: ["default", "billing"] });
    standin.appendSample("billing", 5);
    expect([standin.head("default"), standin.head("billing")]).to.deep.equal([-1, 4]);
    const contexts = await fetch(`${standin.url}/v1/public/mycontexts`);
    expect(await contexts.json()).to.deep.equal(["billing", "default"]);
    expect(() => standin.head("nope")).to.throw(RangeError);
  });

  it("speaks TLS, and asks for a client certificate when told to", async () => {
    const { ca, server, client } = sampleTls;
    const standin = await start({ tls: { ...server, ca, requestCert: true } });
    const status = (options: object): Promise<number | string> =>
      new Promise((resolve) => {
        httpsGet(`${standin.url}/v1/public/me`, { ...options, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        }).on("error", (error: NodeJS.ErrnoException) => {
          resolve(error.code ?? error.message);
        });
      });
    expect(await status({ ca, ...client })).to.equal(200);
    expect(await status({ ca })).to.be.a("string");
    expect(await status({ ...client })).to.match(/SELF_SIGNED|UNABLE_TO_VERIFY/);
  });

  it("does not start on a port that is taken, or a storage that can't be", async () => {
    const standin = await start();
    const problem = async (options: Parameters<typeof start>[0]): Promise<string> =>
      start(options).then(
        () => "none",
        (error: unknown) => String(error),
      );
    expect(await problem({ port: standin.port })).to.include("EADDRINUSE");
    const file = join(temporaryDirectory(), "file");
    writeFileSync(file, "");
    expect(await problem({ storage: file })).to.include("ENOTDIR");
  });

  it("says so when it fails itself, with a status that no real server gives", async () => {
    const standin = await start();
    rmSync(standin.storage, { recursive: true });
    const response = await fetch(`${standin.url}/v1/backup/filenames?type=EVENT`);
    expect(response.status).to.equal(599);
    expect(await response.text()).to.include("ENOENT");
  });

  it("is closed once, and takes no events afterwards", async () => {
    const standin = await start({ handoverInterval: 1 });
    standin.appendSample("default", 100);
    await Promise.all([standin.close(), standin.close()]);
    expect(() => standin.appendSample("default", 1)).to.throw("closed");
    expect(await fetch(standin.url).catch(() => "refused")).to.equal("refused");
  });

  it("answers the calls of the Enterprise Edition", async () => {
    const logStorage = join(temporaryDirectory(), "log");
    mkdirSync(join(logStorage, "default"), { recursive: true });
    const log = [1, 900].map((index) => String(index).padStart(20, "0"));
    for (const name of log) writeFileSync(join(logStorage, "default", `${name}.log`), "");
    for (const [generation, last] of [
      ["4.4", []],
      ["4.6", [`/srv/./log/default/${log[1] ?? ""}.log`]],
    ] as const) {
      const standin = await start({ generation, edition: "EE", logStorage, serverLogPath: "/srv/log" });
      const get = async (path: string): Promise<unknown> => (await fetch(standin.url + path)).json();
      expect(await get("/v1/public/me")).to.deep.include({
        clustered: true,
        contextNames: ["_admin", "default"],
      });
      expect(await get("/v1/public/context")).to.have.nested.property("[1].roles[0].role", "PRIMARY");
      expect(await get("/v1/public/replicationgroups")).to.have.nested.property(
        "[1].contexts[0].context",
        "default",
      );
      const closed = [`/srv/./log/default/${log[0] ?? ""}.log`, `/srv/./log/default/${log[0] ?? ""}.index`];
      expect(await get("/v1/backup/log/filenames?context=default")).to.deep.equal([...closed, ...last]);
      expect(await get("/v1/backup/log/filenames?context=_admin"), "young").to.deep.equal([]);
      expect(await get("/v1/backup/log/filenames?context=nope")).to.include({ status: 500 });
      const backup = await fetch(`${standin.url}/v1/backup/createControlDbBackup`, { method: "POST" });
      expect(await backup.text()).to.match(/controldb\d{13}\.zip$/);
      expect(await get("/createControlDbBackup")).to.include({ status: 404 });
    }
  });
});
