import type { ServerSource } from "@axon-backup/axon-server";
import type { SourceWatch, WatchEvent } from "@axon-backup/core";
import type { Engine } from "../composition/engine.js";
import type { OpenSource } from "../composition/source.js";
import type { ContinuousConfiguration } from "../config/sink-service.js";
import type { Configuration } from "../config/types.js";
import type { Time } from "./time.js";

/** Where no sink is continuous, the server is only looked at to tell how far they are behind. Milliseconds. */
const SELDOM = 60_000;

/** The server, and what watches it: one for all sinks. */
export interface Site {
  readonly source: ServerSource;
  readonly watch: SourceWatch;
  close(): Promise<void>;
}

/** What the server is known by: as long as it stays the same, watching goes on undisturbed. */
export function siteKey({ server, contexts, sinks }: Configuration, secrets: string | undefined) {
  const continuous = sinks.filter(({ enabled }) => enabled).map(({ service }) => service.continuous);
  return {
    server,
    contexts,
    secrets,
    interval: intervalOf(continuous),
    notice: continuous[0]?.notice ?? "auto",
  };
}

function intervalOf(continuous: readonly ContinuousConfiguration[]): number {
  const intervals = continuous.filter(({ enabled }) => enabled).map(({ interval }) => interval);
  return intervals.length === 0 ? SELDOM : Math.min(...intervals);
}

/** @throws ConfigurationError, SecretError */
export async function openSite(
  key: ReturnType<typeof siteKey>,
  openSource: OpenSource,
  engine: Pick<Engine, "watchSource">,
  time: Time,
  onEvent: (event: WatchEvent) => void,
): Promise<Site> {
  const source = await openSource();
  const { contexts, interval, notice } = key;
  const watch = engine.watchSource({
    source,
    ...(contexts && { contexts }),
    interval,
    notice,
    onEvent,
    now: time.now,
    clock: time.clock,
  });
  return {
    source,
    watch,
    close: async () => {
      await watch.close();
      await source.close();
    },
  };
}
