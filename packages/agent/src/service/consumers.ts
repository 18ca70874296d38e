import { isDeepStrictEqual } from "node:util";
import type { Clock } from "@axon-backup/core";
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
  readonly clock: Clock;
}

/** Port taken, address gone: it is tried again after so long. Milliseconds. */
const LISTEN_AGAIN = 60_000;

/** Everybody who looks at the service: its log, metrics and the page, notifications. What goes wrong with them keeps no backup from being made. */
export class Consumers {
  readonly #metrics: ServiceMetrics;
  readonly #notifications: Notifications;
  readonly #stopLog: () => void;
  #http: HttpService | undefined;
  /** What the HTTP server was last told to do. */
  #asked: Configuration["service"] | undefined;
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

  /** Goes by this configuration. */
  async take({ service, notifications }: Configuration): Promise<void> {
    this.#notifications.take(notifications);
    if (isDeepStrictEqual(service, this.#asked)) return;
    this.#asked = service;
    this.#cancelAgain();
    await this.#http?.close();
    this.#http = undefined;
    await this.#listen(service);
  }

  async close(): Promise<void> {
    this.#cancelAgain();
    this.#asked = undefined;
    await Promise.all([this.#http?.close(), this.#notifications.close()]);
    this.#metrics.close();
    this.#stopLog();
  }

  async #listen(service: Configuration["service"]): Promise<void> {
    const { listen, token } = service;
    if (listen === undefined) return;
    const { log, redact, secrets, clock } = this.tools;
    try {
      const secret = token && (await resolveSecret(token, "service.token", secrets));
      const http = await startHttp({
        listen,
        ...(secret && { token: secret }),
        view: this.view,
        metrics: this.#metrics,
        log,
        clean: redact,
      });
      if (this.#asked !== service) {
        await http.close();
        return;
      }
      this.#http = http;
      log.info(`metrics and status: http://${formatListen(this.#http.address)}/`);
    } catch (error) {
      const { message, causes, remedy } = describeError(error);
      log.error(`no metrics, health or status page: ${message}`, { causes, remedy });
      this.#cancelAgain = clock.after(LISTEN_AGAIN, () => {
        if (this.#asked === service) void this.#listen(service);
      });
    }
  }
}
