import { expect } from "chai";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { Secret } from "@axon-backup/sink";
import type { HttpService } from "../dist/service/http/types.js";
import { serve } from "./service-http-scene.js";
import {
  behindSink,
  busyState,
  currentSink,
  errorOf,
  failingSink,
  FakeService,
  NOW,
  stateWith,
} from "./service-scene.js";
import { toolOrPending } from "./tools.js";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** Runs in the page: what breaks its policy is kept. */
const WATCH_POLICY = `globalThis.violations = [];
  addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective + " " + event.blockedURI));`;
/** Runs in the page: the texts whose colour is too near to the one behind them (WCAG AA: 4.5). */
const LOW_CONTRAST = `(() => {
  const parsed = (color) => { const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number); return { rgb: [r, g, b], a }; };
  const luminance = (rgb) => rgb.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { rgb, a } = parsed(getComputedStyle(at).backgroundColor);
      if (a === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const low = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.nodeValue.trim() || element.closest(".strip") || !element.getClientRects().length) continue;
    const pair = [luminance(parsed(getComputedStyle(element).color).rgb), luminance(ground(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) low.push(ratio.toFixed(2) + " " + texts.currentNode.nodeValue.trim());
  }
  return low;
})()`;

describe("the status page in Chromium", () => {
  let browser: Browser;
  let service: FakeService;
  let http: HttpService;
  let page: Page;
  /** What the page complained of. */
  let complaints: string[];
  let time: number;

  before(async function () {
    const executablePath = toolOrPending(this, "chromium");
    browser = await chromium.launch({ executablePath, args: FLAGS });
  });
  after(() => (browser as Browser | undefined)?.close());
  beforeEach(async () => {
    time = NOW.getTime();
    service = new FakeService(busyState());
    http = await serve(service, { now: () => new Date(time) });
  });
  afterEach(async () => {
    await page.context().close();
    await http.close();
  });

  async function open(options: BrowserContextOptions = {}): Promise<void> {
    const context = await browser.newContext({ locale: "en", ...options });
    page = await context.newPage();
    complaints = [];
    page.on("console", (message) => {
      if (message.type() !== "info" && message.type() !== "log") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith(origin())) complaints.push(`asked for ${request.url()}`);
    });
    await page.addInitScript(WATCH_POLICY);
    // Once the events are answered, the page is live.
    const live = page.waitForResponse((response) => response.url().endsWith("/events"));
    await page.goto(origin());
    await live;
  }
  const origin = () => `http://127.0.0.1:${http.address.port}/`;
  const text = (selector: string) => page.locator(selector).innerText();
  const shows = (selector: string, words: string) =>
    page.locator(selector, { hasText: words }).first().waitFor({ timeout: 10_000 });
  async function expectNoComplaints(): Promise<void> {
    expect(complaints).to.deep.equal([]);
    expect(await page.evaluate("violations")).to.deep.equal([]);
  }

  it("shows each sink's state in a word, with a picture of its own", async () => {
    await open();
    expect(await page.locator(".card .word").allInnerTexts()).to.deep.equal([
      "current",
      "behind",
      "failing",
      "damaged",
    ]);
    const pictures = await page.evaluate<string[]>(
      "[...document.querySelectorAll('.card .icon')].map((icon) => icon.innerHTML)",
    );
    expect(new Set(pictures).size).to.equal(4);
    expect(await page.title()).to.equal("1 damaged, 1 failing, 1 behind, 1 current · axon-backup");
    expect(await page.locator("#sink-nas .strip .made").count()).to.equal(50);
    expect(await page.locator("#sink-offsite-s3 .strip .missed").count()).to.equal(6);
    await expectNoComplaints();
  });

  it("changes while one looks at it, without replacing what stays", async () => {
    await open();
    await page.evaluate("document.querySelector('#sink-offsite-azure h2').mark = true");
    service.changeSink("offsite-azure", { ...currentSink("offsite-azure", "azure"), damagedObjects: 0 });
    await shows("#sink-offsite-azure .word", "current");
    expect(await page.evaluate("document.querySelector('#sink-offsite-azure h2').mark")).to.equal(true);
    expect(await page.title()).to.equal("1 damaged, 1 failing, 2 current · axon-backup");
    service.change({
      rejectedConfiguration: errorOf("the configuration is wrong", { remedy: "Correct it." }),
    });
    await shows(".notice", "The configuration on the disk is wrong");
    service.change({ rejectedConfiguration: undefined });
    await page.locator(".notice").waitFor({ state: "detached" });
    await expectNoComplaints();
  });

  it("takes sinks in and out, in their order", async () => {
    await open();
    service.change({ sinks: [currentSink("attic"), currentSink("nas"), currentSink("zoo")] });
    await shows("#sink-zoo", "zoo");
    await page.locator("#sink-vault").waitFor({ state: "detached" });
    expect(
      await page.evaluate("[...document.querySelector('main').children].map(({ id }) => id)"),
    ).to.deep.equal(["summary", "notices", "server", "sink-attic", "sink-nas", "sink-zoo"]);
    await expectNoComplaints();
  });

  it("tells how far work is, how fast, and how long it takes", async () => {
    await open();
    const { activity } = behindSink();
    const progress = activity?.progress;
    if (!activity || !progress) throw new Error("nothing runs");
    for (const step of [1, 2, 3]) {
      time += 2000;
      const bytes = progress.bytes + step * 200 * 1024 * 1024;
      service.changeSink("offsite-azure", { activity: { ...activity, progress: { ...progress, bytes } } });
    }
    await shows("#sink-offsite-azure .progress", "100 MiB/s · 19 s left");
    expect(await page.locator("#sink-offsite-azure progress").getAttribute("value")).to.equal("521");
  });

  it("shows names and errors as they are: nothing in them becomes part of the page", async () => {
    const hostile = `"><script>globalThis.hacked = 1</script><img src=x onerror="globalThis.hacked = 2">`;
    await open();
    const context = { context: hostile, storedToken: 1, serverToken: 2, tokens: 1, bytes: 1, since: NOW };
    service.change({
      rejectedConfiguration: errorOf(hostile, { remedy: hostile, causes: [hostile] }),
      sinks: [
        ...service.state().sinks,
        { ...failingSink("hostile"), type: hostile, reasons: [hostile], lags: [context] },
      ],
    });
    await shows("#sink-hostile .reasons", hostile);
    await page.reload();
    await shows("#sink-hostile .reasons", hostile);
    expect(await text("#sink-hostile tbody th")).to.equal(hostile);
    expect(await page.locator("img, main script, iframe, a[href^=javascript]").count()).to.equal(0);
    expect(await page.evaluate("globalThis.hacked ?? null")).to.equal(null);
    await expectNoComplaints();
  });

  it("says when the connection is lost, and goes on when it is back", async () => {
    await open();
    await http.close();
    await shows("#connection", "what stands here is old");
    service.change({ sinks: [currentSink("nas")] });
    http = await serve(service, { listen: http.address });
    await page.locator("#sink-vault").waitFor({ state: "detached" });
    expect(await text("#connection")).to.equal("");
  });

  it("asks for the token once, when there is one", async () => {
    await http.close();
    http = await serve(service, { token: new Secret("open sesame") });
    await open({ httpCredentials: { username: "", password: "open sesame" } });
    service.change({ sinks: [currentSink("attic")] });
    await shows("#sink-attic .word", "current");
  });

  for (const colorScheme of ["light", "dark"] as const)
    it(`can be read on every width, ${colorScheme}`, async () => {
      const longName = "a-context-with-a-name-that-no-screen-has-the-room-for".repeat(4);
      const lag = {
        context: longName,
        storedToken: 9e15,
        serverToken: 9e15,
        tokens: 9e15,
        bytes: 9e15,
        since: new Date(0),
      };
      service.change({
        rejectedConfiguration: errorOf(`/etc/axon-backup/${longName}`),
        sinks: [
          ...busyState().sinks,
          { ...currentSink(longName), lags: [lag], reasons: [longName], health: "starting" },
        ],
      });
      await open({ colorScheme, viewport: { width: 320, height: 640 } });
      for (const width of [320, 390, 800, 1920]) {
        await page.setViewportSize({ width, height: 800 });
        expect(await page.evaluate("document.documentElement.scrollWidth"), `at ${width}`).to.equal(width);
      }
      expect(await page.evaluate(LOW_CONTRAST)).to.deep.equal([]);
      await expectNoComplaints();
    });

  it("can be heard: headings, names of what is no text, and nothing that speaks by itself every second", async () => {
    service.change(stateWith([currentSink(), failingSink()]));
    await open();
    expect(await page.getByRole("heading", { level: 1 }).innerText()).to.equal("1 failing, 1 current");
    expect(await page.getByRole("article", { name: "nas local current" }).count()).to.equal(1);
    expect(
      await page.getByRole("img", { name: "The last 50 restore points: 44 made, 6 failed" }).count(),
    ).to.equal(1);
    expect(await page.locator("main [aria-live], main [role=status]").count()).to.equal(1);
    expect(await page.locator("main").getByRole("progressbar").count()).to.equal(0);
  });
});
