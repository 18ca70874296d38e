import { systemClock } from "@axon-backup/core";
import { type DependencyContainer, inject, injectable } from "tsyringe";
import type { Engine } from "../composition/engine.js";
import { secretPrints } from "../composition/secret-prints.js";
import type { ConfiguredSinks } from "../composition/sinks.js";
import type { OpenSource } from "../composition/source.js";
import {
  COMPOSE,
  CONFIGURATION,
  ENGINE,
  OPEN_SOURCE,
  OUTPUT,
  REDACT,
  SECRETS,
  SIGNAL,
  SIGNALS,
  SINKS,
  STREAMS,
} from "../composition/tokens.js";
import type { Configuration } from "../config/types.js";
import { describeError } from "../errors/describe-error.js";
import { Interrupted } from "../errors/interrupted.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import type { Log } from "../output/log.js";
import type { Output } from "../output/output.js";
import type { Streams } from "../output/streams.js";
import { plural } from "../output/units.js";
import type { SignalDiverter } from "../process.js";
import { SecretError } from "../secrets/secret-error.js";
import type { SecretContext } from "../secrets/resolve.js";
import { Consumers } from "../service/consumers.js";
import { instanceOf } from "../service/http/instance.js";
import { readChannel, requireUsable } from "../service/notifications/usable.js";
import { Reloader } from "../service/reloader.js";
import { Service, type ServiceParts } from "../service/service.js";
import { SwitchedLog } from "../service/switched-log.js";
import { SystemdNotifier } from "../service/systemd/notifier.js";
import { watchConfiguration } from "../service/watch-configuration.js";
import { VERSION } from "../version.js";

const TIME = { clock: systemClock, now: () => new Date() };

/** `axon-backup run`: the service. */
@injectable()
export class RunCommand {
  constructor(
    @inject(CONFIGURATION) private readonly configuration: Configuration,
    @inject(SINKS) private readonly sinks: ConfiguredSinks,
    @inject(OPEN_SOURCE) private readonly openSource: OpenSource,
    @inject(SECRETS) private readonly secrets: SecretContext,
    @inject(COMPOSE) private readonly compose: () => Promise<DependencyContainer>,
    @inject(ENGINE) private readonly engine: Engine,
    @inject(OUTPUT) private readonly output: Output,
    @inject(STREAMS) private readonly streams: Streams,
    @inject(REDACT) private readonly redact: (text: string) => string,
    @inject(SIGNALS) private readonly signals: SignalDiverter,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run(): Promise<ExitCode> {
    const { journal, env } = this.streams;
    await journal?.open(env);
    try {
      return await this.#run();
    } finally {
      await journal?.close();
    }
  }

  async #run(): Promise<ExitCode> {
    const { configuration, engine, redact, signal } = this;
    const log = new SwitchedLog(this.output.log);
    const service = new Service({ engine, log, redact, time: TIME, random: Math.random });
    const parts: ServiceParts = {
      configuration,
      sinks: this.sinks,
      openSource: this.openSource,
      secrets: await this.#prints(log),
    };
    const notifier = new SystemdNotifier(service, { env: this.streams.env, clock: TIME.clock, log });
    const consumers = new Consumers(service, {
      log,
      redact,
      secrets: this.secrets,
      instance: instanceOf(configuration.directory),
      clock: TIME.clock,
    });
    // What is in use.
    let inUse: Pick<ServiceParts, "configuration"> = parts;
    const reloader = new Reloader({
      load: () => this.#load(),
      take: async ({ log: other, ...next }) => {
        await consumers.listen(next.configuration.service);
        let changed;
        try {
          changed = await service.take(next);
        } catch (error) {
          // All of it, or nothing.
          await listenAsBefore(consumers, inUse.configuration, log);
          throw error;
        }
        inUse = next;
        log.use(other);
        consumers.notify(next.configuration);
        return changed;
      },
      service,
      notifier,
      log,
      now: TIME.now,
    });
    try {
      await listenAtStart(consumers, configuration);
      await service.take(parts);
    } catch (error) {
      await service.stop("an error");
      await consumers.close();
      await notifier.close();
      throw error;
    }
    consumers.notify(configuration);
    await this.#warnOfChannels(log);
    const hangUp = this.signals.divert("SIGHUP", () => {
      reloader.request("SIGHUP");
    });
    const now = this.signals.divert("SIGUSR1", () => {
      log.info("SIGUSR1: a restore point on every sink now");
      service.restorePointNow("asked for");
    });
    const hasChanged = (): void => {
      reloader.request("a file has changed");
    };
    const { timeOrigin } = performance;
    const watcher = watchConfiguration(configuration.directory, TIME.clock, log, hasChanged, timeOrigin);
    log.info(`axon-backup ${VERSION} runs, with ${plural(this.sinks.select([]).length, "sink")}`);
    notifier.ready();
    try {
      await Promise.race([aborted(signal), service.broken]);
      return EXIT_CODES.ok;
    } finally {
      notifier.stopping();
      for (const diverted of [hangUp, now]) diverted[Symbol.dispose]();
      await watcher.close();
      const late = await service.stop(signalName(signal));
      await consumers.close();
      for (const sink of late) log.warn("its work didn't end in time, and is left to itself", { sink });
      log.info("ended");
      await notifier.close();
      // Whatever a storage holds up would hold the process up as well.
      if (late.length > 0) setTimeout(() => process.exit(), LAST_WORDS).unref();
    }
  }

  /** A secret that isn't there keeps its own sink from working, and no other one: it may come. */
  async #prints(log: SwitchedLog): Promise<ReadonlyMap<string, string>> {
    try {
      return await secretPrints(this.configuration, this.secrets);
    } catch (error) {
      log.warn(error instanceof Error ? error.message : String(error));
      return new Map();
    }
  }

  /** What can't be told at the start may be later: secrets are read anew for each message. */
  async #warnOfChannels(log: SwitchedLog): Promise<void> {
    for (const channel of this.configuration.notifications)
      try {
        await requireUsable(channel, this.secrets, this.signal);
      } catch (error) {
        if (this.signal.aborted) return;
        const { message, causes, remedy } = describeError(error);
        log.warn(`notifications: ${channel.name}: nobody can be told: ${message}`, {
          channel: channel.name,
          causes,
          remedy,
        });
      }
  }

  /** Everything that is needed to go by it, read and checked. */
  async #load(): Promise<ServiceParts & { readonly log: Log }> {
    const container = await this.compose();
    const configuration = container.resolve(CONFIGURATION);
    const secrets = container.resolve(SECRETS);
    for (const channel of configuration.notifications) await readChannel(channel, secrets, this.signal);
    return {
      configuration,
      sinks: container.resolve(SINKS),
      openSource: container.resolve(OPEN_SOURCE),
      secrets: await secretPrints(configuration, secrets),
      log: container.resolve(OUTPUT).log,
    };
  }
}

/** A service that nobody can ask how it is looks like one that is well: it doesn't begin. A secret, though, may come. */
async function listenAtStart(consumers: Consumers, { service }: Configuration): Promise<void> {
  try {
    await consumers.listen(service);
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    await consumers.listenSoon(service);
  }
}

async function listenAsBefore(consumers: Consumers, { service }: Configuration, log: Log): Promise<void> {
  try {
    await consumers.listen(service);
  } catch (error) {
    const { message, causes, remedy } = describeError(error);
    log.error(`it can't listen where it did: ${message}`, { causes, remedy });
  }
}

/** Milliseconds for what is still to be written. */
const LAST_WORDS = 200;

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener(
      "abort",
      () => {
        resolve();
      },
      { once: true },
    );
  });
}

function signalName(signal: AbortSignal): string {
  const reason: unknown = signal.reason;
  return reason instanceof Interrupted ? reason.signalName : "an error";
}
