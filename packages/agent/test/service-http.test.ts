import { once } from "node:events";
import { connect } from "node:net";
import { Secret } from "@axon-backup/sink";
import { expect } from "chai";
import { isLoopback, ListenError, parseListen } from "../dist/service/http/listen.js";
import type { HttpService } from "../dist/service/http/types.js";
import { get, type KeptLog, serve } from "./service-http-scene.js";
import { busyState, currentSink, errorOf, FakeService, NOW } from "./service-scene.js";

const PATHS = [
  "/",
  "/status.css",
  "/status.js",
  "/icon.svg",
  "/metrics",
  "/readyz",
  "/api/state",
  "/healthz",
];

describe("the service's HTTP server", () => {
  let service: FakeService;
  let http: HttpService & { readonly log: KeptLog };
  beforeEach(async () => {
    service = new FakeService(busyState());
    http = await serve(service);
  });
  afterEach(() => http.close());

  it("answers with headers that allow nothing from elsewhere", async () => {
    for (const path of [...PATHS, "/nothing"]) {
      const { headers } = await get(http, path);
      const policy = String(headers["content-security-policy"]);
      expect(policy, path).to.include("default-src 'none'").and.include("frame-ancestors 'none'");
      expect(policy, path).not.to.include("unsafe");
      expect(headers, path).to.include({
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "cross-origin-resource-policy": "same-origin",
      });
      expect(headers, path).not.to.have.property("access-control-allow-origin");
      expect(headers, path).not.to.have.property("x-powered-by");
    }
  });

  it("is alive, and ready when every sink is current", async () => {
    expect(await get(http, "/healthz")).to.include({ status: 200, body: "ok\n" });
    service.change({ sinks: [currentSink()] });
    expect(await get(http, "/readyz")).to.include({ status: 200, body: "ready\n" });
  });

  it("isn't ready when a sink isn't current, and says which, why and how it is", async () => {
    const text = await get(http, "/readyz");
    expect(text.status).to.equal(503);
    expect(text.body).to.equal(
      [
        "not ready",
        "sink offsite-azure: behind; events of 4 min wait, and 1 min is promised",
        "sink offsite-s3: failing; the newest restore point is of 5 h ago, and 2 h 10 min is promised",
        "sink vault: damaged; 2 objects are damaged; the next restore point stores them again",
        "",
      ].join("\n"),
    );
    const json = await get(http, "/readyz", { accept: "application/json" });
    expect(json.status).to.equal(503);
    expect(JSON.parse(json.body)).to.have.property("ready", false);
    expect(JSON.parse(json.body)).to.have.nested.property("sinks[1].health", "failing");
  });

  it("isn't ready without a sink, nor while it stops", async () => {
    service.change({ sinks: [] });
    expect(await get(http, "/readyz")).to.include({
      status: 503,
      body: "not ready\nno sink is switched on\n",
    });
    service.change({ sinks: [currentSink()], isStopping: true });
    expect((await get(http, "/readyz")).status).to.equal(503);
  });

  it("says why the server has never been reached, wherever it is asked", async () => {
    service.change({
      server: undefined,
      serverProblem: errorOf("connection refused (10.0.0.1:8024)", { remedy: "start it" }),
      sinks: [currentSink()],
    });
    const state = JSON.parse((await get(http, "/api/state")).body) as Record<string, unknown>;
    expect(state).to.deep.include({ server: null, ready: false });
    expect(state["serverError"]).to.deep.include({ message: "connection refused (10.0.0.1:8024)" });
    expect((await get(http, "/readyz")).body).to.equal(
      "not ready\nthe server has never been reached: connection refused (10.0.0.1:8024)\n",
    );
    expect((await get(http, "/")).body)
      .to.include("has never been reached")
      .and.include("connection refused (10.0.0.1:8024)")
      .and.include("start it");
  });

  it("shows which restore points were promoted", async () => {
    const [first, ...others] = currentSink().restorePoints;
    if (first === undefined) throw new Error("there is none");
    service.changeSink("nas", { restorePoints: [{ ...first, isPromoted: true }, ...others] });
    expect((await get(http, "/")).body).to.include("kept as a restore point of its own");
    const { sinks } = JSON.parse((await get(http, "/api/state")).body) as {
      readonly sinks: readonly { readonly restorePoints: readonly Record<string, unknown>[] }[];
    };
    expect(sinks[0]?.restorePoints.slice(0, 2).map(({ promoted }) => promoted)).to.deep.equal([true, false]);
  });

  it("says of a call that is being made again why it fails", async () => {
    const retrying = { since: NOW, attempts: 3, retry: NOW, error: errorOf("no route to host") };
    service.changeSink("nas", { retrying });
    expect((await get(http, "/")).body)
      .to.include("is tried again")
      .and.include("no route to host");
    const { sinks } = JSON.parse((await get(http, "/api/state")).body) as {
      readonly sinks: readonly Record<string, unknown>[];
    };
    expect(sinks[0]).to.have.deep.nested.property("retrying.error.message", "no route to host");
    expect(sinks[0]).to.have.nested.property("retrying.attempts", 3);
  });

  it("shows the state as JSON", async () => {
    service.change({ rejectedConfiguration: errorOf("wrong", { remedy: "mend it", stack: "at x" }) });
    const { body, headers } = await get(http, "/api/state");
    expect(headers["content-type"]).to.equal("application/json; charset=utf-8");
    const state = JSON.parse(body) as { readonly sinks: readonly Record<string, unknown>[] };
    expect(state).to.deep.include({
      version: "0.1.0",
      time: "2026-11-24T12:00:00.000Z",
      ready: false,
      rejectedConfiguration: { message: "wrong", causes: [], remedy: "mend it", exitCode: 1 },
    });
    expect(state.sinks.map(({ sink }) => sink)).to.deep.equal([
      "nas",
      "offsite-azure",
      "offsite-s3",
      "vault",
    ]);
    expect(state.sinks[1]).to.have.deep.nested.property("contexts[0].behind", {
      tokens: 44_676,
      bytes: 18_990_113,
      seconds: 240,
    });
    expect(state.sinks[2]).to.have.nested.property("failure.attempts", 14);
    expect(body).not.to.include("at x");
  });

  it("gives the metrics", async () => {
    const { status, headers, body } = await get(http, "/metrics");
    expect(status).to.equal(200);
    expect(headers["content-type"]).to.include("version=0.0.4");
    expect(body).to.include('axon_backup_sink_damaged_objects{sink="vault"} 2\n');
  });

  it("answers HEAD without a body", async () => {
    for (const path of [...PATHS, "/events"])
      expect(await get(http, path, {}, "HEAD"), path).to.deep.include({ body: "" });
    expect((await get(http, "/", {}, "HEAD")).status).to.equal(200);
  });

  it("changes nothing: other methods are refused", async () => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
      for (const path of ["/", "/metrics", "/readyz"]) {
        const { status, headers } = await get(http, path, {}, method);
        expect([status, headers["allow"]]).to.deep.equal([405, "GET, HEAD"]);
      }
  });

  it("knows no other paths", async () => {
    for (const path of ["/nothing", "/../etc/passwd", "//", "/__proto__", "/api", "*"])
      expect((await get(http, path)).status, path).to.equal(404);
  });

  it("says that something failed without saying what, and logs it", async () => {
    await http.close();
    const metrics = { contentType: "text/plain", text: () => Promise.reject(new Error("inner detail")) };
    http = await serve(service, { metrics });
    expect(await get(http, "/metrics")).to.include({ status: 500, body: "internal error\n" });
    expect(http.log.errors).to.deep.equal(["can't answer /metrics: inner detail"]);
  });

  it("takes secrets out of what it shows", async () => {
    await http.close();
    http = await serve(service, { clean: (text) => text.replaceAll("globalThis", "[secret]") });
    for (const path of ["/", "/api/state", "/readyz"])
      expect((await get(http, path)).body, path).not.to.include("globalThis");
    expect((await get(http, "/")).body).to.include("[secret].hacked");
  });

  describe("at a loopback address", () => {
    it("answers to names of this machine alone, whatever the port", async () => {
      for (const host of [
        "localhost",
        "localhost:9464",
        "127.0.0.1:80",
        "[::1]:9464",
        "127.1.2.3",
        "a.localhost",
      ])
        expect((await get(http, "/", { host })).status, host).to.equal(200);
      for (const host of [
        "evil.example",
        "evil.example:9464",
        "localhost.evil.example",
        "10.0.0.1",
        "127.0.0.1.nip.io",
      ])
        expect((await get(http, "/", { host })).status, host).to.equal(421);
    });

    it("asks for the token when there is one", async () => {
      await http.close();
      http = await serve(service, { token: new Secret("wonderful") });
      expect((await get(http, "/")).status).to.equal(401);
    });
  });

  describe("with a token", () => {
    beforeEach(async () => {
      await http.close();
      http = await serve(service, {
        listen: { host: "0.0.0.0", port: 0 },
        token: new Secret("wönderful:token"),
      });
    });
    const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

    it("shows nothing without it but that it is alive", async () => {
      for (const path of [...PATHS.filter((one) => one !== "/healthz"), "/events", "/nothing"]) {
        const { status, headers, body } = await get(http, path);
        expect([status, body], path).to.deep.equal([401, "a token is needed\n"]);
        expect(String(headers["www-authenticate"]), path)
          .to.include("Basic realm=")
          .and.include("Bearer realm=");
      }
      expect((await get(http, "/healthz")).status).to.equal(200);
    });

    it("takes it as a bearer token and as a password, under any host name", async () => {
      for (const authorization of [basic("prometheus:wönderful:token"), basic(":wönderful:token")])
        expect((await get(http, "/metrics", { authorization, host: "backup.example:9464" })).status).to.equal(
          200,
        );
    });

    it("refuses everything else", async () => {
      for (const authorization of [
        "",
        "Bearer",
        "Bearer wrong",
        "Digest wönderful",
        basic("wönderful:token"),
        basic("wrong"),
        basic("user:wönderful:toke"),
        basic("user:wönderful:tokens"),
      ])
        expect(
          (await get(http, "/metrics", { authorization: Buffer.from(authorization).toString("latin1") }))
            .status,
          authorization,
        ).to.equal(401);
    });
  });

  it("takes a bearer token", async () => {
    await http.close();
    http = await serve(service, { token: new Secret("abc.DEF-123") });
    expect((await get(http, "/metrics", { authorization: "Bearer abc.DEF-123" })).status).to.equal(200);
    expect((await get(http, "/metrics", { authorization: "bearer abc.DEF-123" })).status).to.equal(200);
    expect((await get(http, "/metrics", { authorization: "Bearer abc.DEF-124" })).status).to.equal(401);
  });

  it("isn't opened to other machines without a token", async () => {
    for (const host of ["0.0.0.0", "::", "192.0.2.1", "backup.example"]) {
      const error = await serve(service, { listen: { host, port: 0 } }).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error, host).to.be.instanceOf(ListenError).and.have.property("remedy").that.includes("token");
    }
  });

  it("tells when the address is taken", async () => {
    const error = await serve(service, { listen: http.address }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(ListenError);
    expect((error as ListenError).message).to.equal(
      `can't listen at 127.0.0.1:${http.address.port}: another process listens there`,
    );
  });

  describe("ends within a second", () => {
    for (const [what, text] of [
      ["a connection that says nothing", ""],
      ["half a request", "GET / HTTP/1.1\r\nHost: loc"],
      ["an open status page", "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ] as const)
      it(`with ${what}`, async () => {
        const socket = connect(http.address.port, http.address.host);
        socket.on("error", () => undefined);
        await once(socket, "connect");
        socket.write(text);
        if (what === "an open status page") await once(socket, "data");
        else await get(http, "/healthz");
        const gone = once(socket, "close");
        socket.resume();
        const started = performance.now();
        await http.close();
        await gone;
        expect(performance.now() - started).to.be.lessThan(1000);
        expect(service.listeners).to.equal(1);
      });
  });

  describe("keeps status pages up to date", () => {
    /** Opens as many pages as given, one after the other. */
    async function open(
      count: number,
    ): Promise<{
      readonly statuses: readonly number[];
      readonly last: Response;
      readonly close: () => void;
    }> {
      const control = new AbortController();
      const url = `http://127.0.0.1:${http.address.port}/events`;
      const responses: Response[] = [];
      for (let i = 0; i < count; i++) responses.push(await fetch(url, { signal: control.signal }));
      const last = responses.at(-1);
      if (!last) throw new Error("no page is open");
      return {
        statuses: responses.map(({ status }) => status),
        last,
        close: () => {
          control.abort();
        },
      };
    }
    async function until(condition: () => boolean): Promise<void> {
      while (!condition()) await new Promise((resolve) => setImmediate(resolve));
    }

    it("and has nothing to do when none is open", async () => {
      const idle = service.listeners;
      const page = await open(2);
      expect(service.listeners).to.equal(idle + 1);
      page.close();
      await until(() => service.listeners === idle);
    });

    it("with what changed, and nothing else", async () => {
      const page = await open(1);
      const reader = page.last.body?.pipeThrough(new TextDecoderStream()).getReader();
      const read = async () => {
        let text = "";
        while (!/event: update\ndata: .*\n\n$/.test(text)) text += (await reader?.read())?.value ?? "";
        return JSON.parse(/data: (.*)\n\n$/.exec(text)?.[1] ?? "") as {
          readonly order: readonly string[];
          readonly changed: readonly { readonly id: string }[];
        };
      };
      const first = await read();
      expect(first.changed.map(({ id }) => id)).to.deep.equal(first.order);
      // The first update after that has all, since others may have come before.
      service.changeSink("vault", { damagedObjects: 3 });
      await read();
      service.changeSink("vault", { damagedObjects: 4 });
      const third = await read();
      expect(third.changed.map(({ id }) => id)).to.deep.equal(["sink-vault"]);
      page.close();
    });

    it("up to a number of them", async () => {
      const page = await open(17);
      expect(page.statuses).to.deep.equal([...Array.from({ length: 16 }, () => 200), 503]);
      expect(page.last.headers.get("retry-after")).to.equal("10");
      page.close();
    });
  });

  it("has nothing left of it that listens to the service, but the metrics", async () => {
    await http.close();
    await http.close();
    expect(service.listeners).to.equal(1);
  });
});

describe("where to listen", () => {
  it("is an address and a port", () => {
    expect(parseListen("127.0.0.1:9464")).to.deep.equal({ host: "127.0.0.1", port: 9464 });
    expect(parseListen("[::1]:0")).to.deep.equal({ host: "::1", port: 0 });
    expect(parseListen("localhost:80")).to.deep.equal({ host: "localhost", port: 80 });
    for (const wrong of [
      "",
      "9464",
      ":9464",
      "127.0.0.1",
      "127.0.0.1:",
      "127.0.0.1:65536",
      "::1:9464",
      "[x]:1",
      "a b:1",
      "http://a:1",
    ])
      expect(parseListen(wrong), wrong).to.equal(undefined);
  });

  it("is this machine alone at loopback addresses", () => {
    for (const host of [
      "127.0.0.1",
      "127.255.0.1",
      "::1",
      "0:0:0:0:0:0:0:1",
      "localhost",
      "LOCALHOST",
      "localhost.",
      "a.localhost",
    ])
      expect(isLoopback(host), host).to.equal(true);
    for (const host of [
      "0.0.0.0",
      "::",
      "10.0.0.1",
      "1.127.0.0",
      "::2",
      "::11",
      "localhost.example",
      "mylocalhost",
      "fe80::1",
      "127.0.0.1.example",
    ])
      expect(isLoopback(host), host).to.equal(false);
  });
});
