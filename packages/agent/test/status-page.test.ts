import { expect } from "chai";
import fc from "fast-check";
import { fragments } from "../dist/service/http/page/page.js";
import { html } from "../dist/service/http/page/html.js";
import type { HttpService } from "../dist/service/http/types.js";
import { get, serve } from "./service-http-scene.js";
import { busyState, currentSink, failingSink, FakeService, NOW, stateWith } from "./service-scene.js";
import { runTool, toolOrPending } from "./tools.js";

describe("the status page", () => {
  it("has nothing of a text that could be read as HTML, nor what turns its direction", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const { text: made } = html`<p title="${text}">${text}</p>`;
        const inner = made.slice('<p title="'.length, -"</p>".length);
        const [attribute = "", content = ""] = inner.split('">');
        expect(inner.split('">')).to.have.length(2);
        expect(attribute)
          .to.equal(content)
          .and.not.match(/[<>"'\p{Cc}\u202e]/u);
      }),
    );
    expect(html`<b>${"a & b <i> 'c' \u202e"}</b>`.text).to.equal(
      "<b>a &amp; b &lt;i&gt; &#39;c&#39; \\u{202e}</b>",
    );
  });

  it("leaves out what isn't there, and takes lists and HTML of its own as they are", () => {
    expect(html`<p>${undefined}${false}${0}${[html`<b>1</b>`, "<"]}</p>`.text).to.equal(
      "<p>0<b>1</b>&lt;</p>",
    );
  });

  it("changes only in the parts that something is new in", () => {
    const before = fragments(busyState(), new Map(), NOW);
    const after = fragments(
      {
        ...busyState(),
        sinks: busyState().sinks.map((sink) =>
          sink.name === "vault" ? { ...sink, damagedObjects: 3 } : sink,
        ),
      },
      new Map(),
      NOW,
    );
    expect(after.filter(({ html: text }, i) => text !== before[i]?.html).map(({ id }) => id)).to.deep.equal([
      "sink-vault",
    ]);
  });

  it("sums up in a sentence", () => {
    const summary = (...names: readonly string[]) =>
      /<h1[^>]*>([^<]*)</.exec(
        fragments(stateWith(names.map((name) => currentSink(name))), new Map(), NOW)[0]?.html ?? "",
      )?.[1];
    expect([summary(), summary("a"), summary("a", "b"), summary("a", "b", "c")]).to.deep.equal([
      "No sink is switched on",
      "The sink is current",
      "Both sinks are current",
      "All 3 sinks are current",
    ]);
  });

  it("shows the contexts that are the furthest behind, when there are many", () => {
    const lags = Array.from({ length: 40 }, (_, i) => ({
      context: `context-${i}`,
      storedToken: 1,
      serverToken: i === 33 ? 9 : 1,
      tokens: i === 33 ? 8 : 0,
      bytes: i === 33 ? 800 : 0,
      since: i === 33 ? new Date(NOW.getTime() - 5000) : undefined,
    }));
    const card =
      fragments(stateWith([{ ...currentSink(), lags }]), new Map(), NOW)[3]?.html.replace(/\s+/g, " ") ?? "";
    expect(card).to.include("context-33").and.include("and 28 more contexts, all in step");
    expect(card.match(/<th scope="row">/g)).to.have.length(12);
  });

  it("tells of a failure once, with what there is to do", () => {
    const sink = failingSink();
    const message = sink.failure?.error.message ?? "";
    const reasons = [`the restore point failed 14 times: ${message}`, "late"];
    const card = fragments(stateWith([{ ...sink, reasons }]), new Map(), NOW)[3]?.html ?? "";
    expect(card.split("&lt;script&gt;")).to.have.length(2);
    expect(card).to.include("<li>late</li>").and.include("it is tried again by itself");
  });

  it("stands what another program may have written: times that are none, names of any kind", () => {
    const none = new Date(Number.NaN);
    const sink = { ...currentSink("\u0000<a>"), lastSuccess: none, nextRestorePoint: none };
    expect(() => fragments(stateWith([sink]), new Map(), NOW)).not.to.throw();
  });

  describe("in a terminal browser", () => {
    let w3m: string;
    let http: HttpService;
    before(function () {
      w3m = toolOrPending(this, "w3m");
    });
    afterEach(() => http.close());

    it("can be read", async () => {
      http = await serve(new FakeService(busyState()));
      const { body } = await get(http, "/");
      const { status, output } = runTool(
        w3m,
        ["-dump", "-T", "text/html", "-cols", "100", "-O", "UTF-8"],
        body,
      );
      expect(status).to.equal(0);
      const lines = output.split("\n").map((line) => line.trim());
      expect(lines).to.include.members([
        "1 damaged, 1 failing, 1 behind, 1 current",
        "axonserver-1 Axon Server SE 2025.1.2 · answered 1 s ago",
        "nas local current",
        "offsite-azure azure behind",
        "• events of 4 min wait, and 1 min is promised",
        "Making a restore point · transfer, begun 4 min ago",
        "37% · 1.5 GiB of 4.0 GiB · 7 of 19 objects",
        "▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮✗▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮✗✗✗✗✗",
        "newest 5 h 12 min ago · 6 of the last 50 failed · next in 48 min",
        "can't write axon-backup/segments/<script>globalThis.hacked = 1</script>",
        "→ Look at the storage; it is tried again by itself.",
        "1 d 8 h ago, 5.0 GiB read, 2 findings",
      ]);
      expect(output).to.match(/default +4 min +44,676 +18\.1 MiB +12,301,002/);
      expect(output).not.to.include("connection to the service is lost");
    });
  });
});
