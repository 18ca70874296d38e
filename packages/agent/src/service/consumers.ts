import { isDeepStrictEqual } from "node:util";
import type { Clock } from "@axon-backup/core";
import type { Secret } from "@axon-backup/sink";
import type { Configuration } from "../config/types.js";
import { describeError } from "../errors/describe-error.js";
import type { Log } from "../output/log.js";
import { resolveSecret, type SecretContext } from "../secrets/resolve.js";
import { startHttp } from "./http/start-http.js";
import { formatListen } from "./http/listen.js";
import type { HttpService } from "./http/types.js";
import { logEvents } from "./log-events.js";
import { type ServiceMetrics, serviceMetrics } from "./metrics/service-metrics.js";
import type { ServiceView } from "./model.js";
import { type Notifications, startNotifications } from "./notifications/start-notifications.js";

export interface ConsumerTools {
  readonly log: Log;
  readonly redact: (text: string) => string;
  readonly secrets: SecretContext;
  /** What the HTTP server is known by; nothing, if left out. */
  readonly instance?: string;
  readonly clock: Clock;
}

/** A secret that isn't there yet, an address that is gone: it is tried again after so long. Milliseconds. */
const LISTEN_AGAIN = 60_000;

/** Everybody who looks at the service: its log, metrics and the page, notifications. What goes wrong with them keeps no backup from being made. */
export class Consumers {
  readonly #metrics: ServiceMetrics;
  readonly #notifications: Notifications;
  readonly #stopLog: () => void;
  #http: HttpService | undefined;
  /** What the HTTP server was last told to do. */
  #asked: Configuration["service"] | undefined;
  /** The token that callers must show now. */
  #token: Secret | undefined;
  #cancelAgain = (): void => undefined;

  constructor(
    private readonly view: ServiceView,
    private readonly tools: ConsumerTools,
  ) {
    const { log, secrets, clock } = tools;
    this.#stopLog = logEvents(view, log, clock);
    this.#metrics = serviceMetrics(view);
    this.#notifications = startNotifications({ channels: [], view, log, secrets, clock });
  }

  /**
   * Listens where this configuration says, with the token that is there now.
   * @throws ListenError, SecretError; then it goes on listening where it did
   */
  async listen(service: Configuration["service"]): Promise<void> {
    const before = this.#asked;
    const token = await this.#tokenOf(service);
    const isSame = isDeepStrictEqual(service, before) && token?.reveal() === this.#token?.reveal();
    if (isSame && (this.#http !== undefined || service.listen === undefined)) return;
    this.#cancelAgain();
    // Two can't have one port; otherwise the old one ends when there is a new one.
    if (service.listen?.port === before?.listen?.port) await this.#closeHttp();
    let http: HttpService | undefined;
    try {
      http = await this.#open(service, token);
    } catch (error) {
      if (before && !this.#http) await this.listenSoon(before);
      throw error;
    }
    await this.#closeHttp();
    this.#http = http;
    this.#asked = service;
    this.#token = token;
  }

  /** Listens as soon as it can. */
  async listenSoon(service: Configuration["service"]): Promise<void> {
    const { log, clock } = this.tools;
    this.#asked = service;
    try {
      const token = await this.#tokenOf(service);
      const http = await this.#open(service, token);
      if (this.#asked !== service) await http?.close();
      else {
        this.#http = http;
        this.#token = token;
      }
    } catch (error) {
      const { message, causes, remedy } = describeError(error);
      log.error(`no metrics, health or status page: ${message}`, { causes, remedy });
      this.#cancelAgain = clock.after(LISTEN_AGAIN, () => {
        if (this.#asked === service) void this.listenSoon(service);
      });
    }
  }

  /** Tells these of what happens. */
  notify({ notifications }: Pick<Configuration, "notifications">): void {
    this.#notifications.take(notifications);
  }

  async close(): Promise<void> {
    this.#cancelAgain();
    this.#asked = undefined;
    await Promise.all([this.#http?.close(), this.#notifications.close()]);
    this.#metrics.close();
    this.#stopLog();
  }

  async #closeHttp(): Promise<void> {
    const http = this.#http;
    this.#http = undefined;
    await http?.close();
  }

  async #tokenOf({ listen, token }: Configuration["service"]): Promise<Secret | undefined> {
    return listen && token && (await resolveSecret(token, "service.token", this.tools.secrets));
  }

  async #open(
    { listen }: Configuration["service"],
    token: Secret | undefined,
  ): Promise<HttpService | undefined> {
    if (listen === undefined) return undefined;
    const { log, redact, instance } = this.tools;
    const http = await startHttp({
      listen,
      ...(token && { token }),
      ...(instance !== undefined && { instance }),
      view: this.view,
      metrics: this.#metrics,
      log,
      clean: redact,
    });
    log.info(`metrics and status: http://${formatListen(http.address)}/`);
    return http;
  }
}
