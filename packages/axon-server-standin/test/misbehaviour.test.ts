import { existsSync } from "node:fs";
import { join } from "node:path";

import type { Standin } from "@axon-backup/axon-server-standin";
import { expect } from "chai";

import { cleanUp, type EventstoreListing, listEvents, names, start } from "./support.js";

const EVENTSTORE = "/v1/backup/eventstore";

describe("misbehaving", () => {
  let standin: Standin;

  beforeEach(async () => {
    standin = await start({ handoverInterval: 0, indexBytes: 4096 });
    standin.appendSample("default", 100);
  });
  afterEach(cleanUp);

  const get = (path: string): Promise<Response> => fetch(standin.url + path, { redirect: "manual" });
  const failure = async (path: string): Promise<string> => {
    try {
      await (await get(path)).text();
      return "none";
    } catch (error) {
      return String(error);
    }
  };

  it("answers badly as often as it is told, after the calls that were to pass", async () => {
    const handle = standin.misbehave({
      path: "/v1/public/version",
      skip: 1,
      times: 2,
      behaviour: { kind: "status", status: 503, body: "[AXONIQ-7000] not ready" },
    });
    const statuses: number[] = [];
    for (let call = 0; call < 4; call += 1) statuses.push((await get("/v1/public/version")).status);
    expect(statuses).to.deep.equal([200, 503, 503, 200]);
    expect((await get("/v1/public/me")).status).to.equal(200);
    expect(handle.applied).to.equal(2);
  });

  it("matches by an expression over path and query, and by method", async () => {
    standin.misbehave([
      { path: /eventstore\?.*type=SNAPSHOT/, behaviour: { kind: "status", status: 500 } },
      { method: "POST", behaviour: { kind: "status", status: 501 } },
    ]);
    expect((await get(`${EVENTSTORE}?targetContext=default&type=SNAPSHOT`)).status).to.equal(500);
    expect((await get(`${EVENTSTORE}?targetContext=default&type=EVENT`)).status).to.equal(200);
    expect((await fetch(`${standin.url}/createControlDbBackup`, { method: "POST" })).status).to.equal(501);
  });

  it("holds an answer until it is let go: the one of then, or the one of now", async () => {
    for (const [at, expected] of [
      ["after", 99],
      ["before", 100],
    ] as const) {
      const before = standin.head("default");
      const handle = standin.misbehave({ path: "/actuator/health", behaviour: { kind: "hold", at } });
      const answer = get("/actuator/health");
      await handle.reached();
      standin.appendSample("default", 1);
      handle.release();
      expect(await (await answer).text()).to.include(`"default.lastEvent":${before - 99 + expected},`);
    }
  });

  it("delays", async () => {
    standin.misbehave({ behaviour: { kind: "delay", milliseconds: 30 } });
    const started = performance.now();
    expect((await get("/v1/public/me")).status).to.equal(200);
    expect(performance.now() - started).to.be.at.least(29);
  });

  it("cuts the connection before the answer, and in the middle of it", async () => {
    standin.misbehave({ behaviour: { kind: "cut", when: "before-answer" } });
    expect(await failure("/v1/public/me")).to.include("fetch failed");
    standin.misbehave({ behaviour: { kind: "cut", when: "mid-body" } });
    expect(await failure("/v1/public/me")).to.include("terminated");
    standin.misbehave(undefined);
    expect(await failure("/v1/public/me")).to.equal("none");
  });

  it("gives an empty list", async () => {
    standin.misbehave({ path: EVENTSTORE, behaviour: { kind: "empty-list" } });
    const { lastClosedSegment, filenames } = await listEvents(standin);
    expect(lastClosedSegment).to.be.greaterThan(0);
    expect(filenames).to.deep.equal([]);
  });

  it("gives the list of the moment when it was told to", async () => {
    const before = await listEvents(standin);
    standin.misbehave({ behaviour: { kind: "stale-list" }, times: 1 });
    standin.appendSample("default", 100);
    expect(await listEvents(standin)).to.deep.equal(before);
    expect((await listEvents(standin)).filenames.length).to.be.greaterThan(before.filenames.length);
  });

  it("lists a file that is gone when the answer comes, once", async () => {
    const name = "00000000000000000000.events";
    const path = join(standin.storage, "default", name);
    expect(existsSync(path)).to.be.true;
    standin.misbehave({ path: EVENTSTORE, times: 1, behaviour: { kind: "vanish", names: /^0+\.events$/ } });
    expect(names((await listEvents(standin)).filenames)).to.include(name);
    expect(existsSync(path)).to.be.false;
    expect(names((await listEvents(standin)).filenames)).to.not.include(name);
  });

  it("lists a vanished segment for good, when told to", async () => {
    const name = /^00000000000000000000\.events$/;
    standin.misbehave({
      path: EVENTSTORE,
      times: 1,
      behaviour: { kind: "vanish", names: name, stillListed: true },
    });
    await listEvents(standin);
    expect(names((await listEvents(standin)).filenames)).to.include("00000000000000000000.events");
    standin.misbehave(undefined);
    expect(names((await listEvents(standin)).filenames)).to.not.include("00000000000000000000.events");
  });

  it("adds to a list, replaces it, and tells another last closed segment", async () => {
    const hostile = ["/etc/passwd", "/var/lib/../../etc/shadow", "new\nline"];
    const before = await listEvents(standin);
    standin.misbehave({ behaviour: { kind: "hostile-list", add: hostile } });
    expect((await listEvents(standin)).filenames).to.deep.equal([...before.filenames, ...hostile]);
    standin.misbehave({ behaviour: { kind: "hostile-list", replace: hostile, lastClosedSegment: 7 } });
    expect(await listEvents(standin)).to.deep.equal({ lastClosedSegment: 7, filenames: hostile });
  });

  it("answers with HTML, with JSON of another shape, and with a redirect", async () => {
    standin.misbehave({ behaviour: { kind: "html" } });
    const page = await get(EVENTSTORE);
    expect([page.status, page.headers.get("content-type")]).to.deep.equal([200, "text/html"]);
    standin.misbehave({
      behaviour: { kind: "wrong-shape", json: { lastClosedSegment: "5", filenames: null } },
    });
    expect(await listEvents(standin)).to.deep.equal({ lastClosedSegment: "5", filenames: null });
    standin.misbehave({ behaviour: { kind: "redirect", location: "https://login.example.com/" } });
    const redirect = await get(EVENTSTORE);
    expect([redirect.status, redirect.headers.get("location")]).to.deep.equal([
      302,
      "https://login.example.com/",
    ]);
  });

  it("lets go what is held when it is closed", async () => {
    const handle = standin.misbehave({ behaviour: { kind: "hold" } });
    const answer = listEvents(standin).catch((): EventstoreListing | undefined => undefined);
    await handle.reached();
    await standin.close();
    await answer;
  });

  it("keeps a log of requests", async () => {
    standin.forgetRequests();
    await fetch(`${standin.url}${EVENTSTORE}?type=EVENT`, { headers: { "AxonIQ-Access-Token": "secret" } });
    expect(standin.requests).to.have.length(1);
    const [request] = standin.requests;
    expect(request).to.include({ method: "GET", path: EVENTSTORE, query: "type=EVENT" });
    expect(request?.headerNames).to.include("axoniq-access-token");
    expect(JSON.stringify(standin.requests)).to.not.include("secret");
  });
});
