import type { ServerResponse } from "node:http";
import type { ServiceView } from "../model.js";
import { type Fragment, fragments, pageTitle } from "./page/page.js";
import type { Rates } from "./rates.js";

/** More pages than these can't be open at the same time. */
const MAX_CLIENTS = 16;
/** Milliseconds between two updates, at least. */
const MIN_INTERVAL = 250;
/** What is told relative to now changes by itself. */
const TICK = 1000;
/** A connection with nothing new gets a sign of life after as many ticks. */
const SIGN_OF_LIFE = 15;
/** Bytes that may wait for a client that doesn't read; one with more is let go, and comes again. */
const MAX_WAITING = 1024 * 1024;

/**
 * Keeps open status pages up to date, by server-sent events: each `update` has the parts of the page that changed. Does nothing while no page
 * is open.
 */
export class LiveUpdates {
  readonly #clients = new Set<ServerResponse>();
  #sent: ReadonlyMap<string, string> = new Map();
  #lastPush = -Infinity;
  #quietTicks = 0;
  #pending: NodeJS.Timeout | undefined;
  #tick: NodeJS.Timeout | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(
    private readonly view: ServiceView,
    private readonly rates: () => Rates,
    private readonly now: () => Date,
  ) {}

  /** @returns false when there are too many already */
  add(response: ServerResponse): boolean {
    if (this.#clients.size >= MAX_CLIENTS) return false;
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    if (this.#clients.size === 0) this.#start();
    this.#clients.add(response);
    response.once("close", () => {
      this.#clients.delete(response);
      if (this.#clients.size === 0) this.#stop();
    });
    // Everything: the page may have been made a while ago.
    const all = this.#fragments();
    response.write(`retry: 2000\n\n${this.#event(all, all)}`);
    return true;
  }

  /** Lets all go. */
  close(): void {
    for (const client of this.#clients) client.end();
    this.#stop();
  }

  #start(): void {
    this.#sent = new Map();
    this.#unsubscribe = this.view.subscribe({
      onChange: () => {
        this.#schedule();
      },
    });
    this.#tick = setInterval(() => {
      this.#push();
    }, TICK).unref();
  }

  #stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    clearInterval(this.#tick);
    clearTimeout(this.#pending);
    this.#pending = undefined;
  }

  #schedule(): void {
    if (this.#pending) return;
    const wait = Math.max(0, this.#lastPush + MIN_INTERVAL - performance.now());
    this.#pending = setTimeout(() => {
      this.#pending = undefined;
      this.#push();
    }, wait).unref();
  }

  #push(): void {
    this.#lastPush = performance.now();
    const all = this.#fragments();
    const changed = all.filter(({ id, html }) => this.#sent.get(id) !== html);
    const isSame = changed.length === 0 && all.length === this.#sent.size;
    this.#sent = new Map(all.map(({ id, html }) => [id, html]));
    this.#quietTicks = isSame ? this.#quietTicks + 1 : 0;
    if (isSame && this.#quietTicks % SIGN_OF_LIFE > 0) return;
    const text = isSame ? ":\n\n" : this.#event(all, changed);
    for (const client of this.#clients)
      if (client.writableLength > MAX_WAITING) client.destroy();
      else client.write(text);
  }

  #event(all: readonly Fragment[], changed: readonly Fragment[]): string {
    const state = this.view.state();
    const data = { version: state.version, title: pageTitle(state), order: all.map(({ id }) => id), changed };
    return `event: update\ndata: ${JSON.stringify(data)}\n\n`;
  }

  #fragments(): readonly Fragment[] {
    return fragments(this.view.state(), this.rates(), this.now());
  }
}
