import type { Log } from "../output/log.js";
import type { Service, ServiceParts } from "./service.js";

export interface ReloaderOptions<Parts = ServiceParts> {
  /** Reads and checks the whole configuration. Rejects with ConfigurationError, SecretError. */
  readonly load: () => Promise<Parts>;
  /** Goes by it. @returns the names of the sinks whose work begins anew */
  readonly take: (parts: Parts) => Promise<readonly string[]>;
  readonly service: Pick<Service, "rejected" | "tell">;
  readonly notifier: { reloading(): void; ready(): void };
  readonly log: Log;
  readonly now: () => Date;
}

/** Takes another configuration while the service runs: once it was read and checked as a whole, or not at all. */
export class Reloader<Parts = ServiceParts> {
  #running: Promise<void> | undefined;
  #again: string | undefined;

  constructor(private readonly options: ReloaderOptions<Parts>) {}

  /** Reads it again; once more after that, when it is asked for meanwhile. @param why what the log says */
  request(why: string): void {
    if (this.#running) {
      this.#again = why;
      return;
    }
    this.#running = this.#reload(why).finally(() => {
      this.#running = undefined;
      const again = this.#again;
      this.#again = undefined;
      if (again !== undefined) this.request(again);
    });
  }

  /** Resolves when nothing is being read. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #reload(why: string): Promise<void> {
    const { load, take, service, notifier, log, now } = this.options;
    notifier.reloading();
    try {
      const changed = await take(await load());
      log.info(`${why}: the configuration was read again; ${effectOf(changed)}`, { sinks: changed });
      service.tell({ kind: "configuration-taken", at: now() });
    } catch (error) {
      service.rejected(error);
    } finally {
      notifier.ready();
    }
  }
}

function effectOf(changed: readonly string[]): string {
  return changed.length === 0 ? "every sink goes on as it was" : `begun anew or ended: ${changed.join(", ")}`;
}
