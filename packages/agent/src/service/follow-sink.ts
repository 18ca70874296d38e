import type { FollowEnd, FollowEvent, SourceWatch } from "@axon-backup/core";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSink } from "../composition/sinks.js";
import { VERSION } from "../version.js";
import type { Time } from "./time.js";

interface FollowTools {
  readonly engine: Pick<Engine, "follow">;
  readonly watch: SourceWatch;
  readonly time: Time;
}

/** Stores new events on a sink as they come, until a restore point is needed. @throws why it can't go on; the signal's reason */
export async function followSink(
  sink: ConfiguredSink,
  { engine, watch, time }: FollowTools,
  signal: AbortSignal,
  onEvent: (event: FollowEvent) => void,
): Promise<FollowEnd> {
  const open = await sink.open("write", signal);
  try {
    return await engine.follow({
      watch,
      sink: open,
      name: sink.name,
      agent: VERSION,
      maxPutRate: sink.service.continuous.maxPutRate,
      interval: sink.service.continuous.interval,
      onEvent,
      signal,
      now: time.now,
      clock: time.clock,
    });
  } finally {
    await open.close();
  }
}
