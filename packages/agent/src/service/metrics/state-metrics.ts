import type { ContextLag, ServiceState, SinkHealth, SinkState } from "../model.js";
import type { Definition, Sample } from "./scraped.js";

/** A gauge, and its values in a state. `now` is in milliseconds since 1970. */
export interface StateMetric extends Definition {
  readonly read: (state: ServiceState, now: number) => Iterable<Sample>;
}

const HEALTHS: readonly SinkHealth[] = ["starting", "current", "behind", "failing", "damaged"];
const LEASES: readonly SinkState["lease"][] = ["held", "free", "elsewhere"];

/** A gauge with a value for each sink that has one. */
function ofSinks(name: string, help: string, value: (sink: SinkState) => number | undefined): StateMetric {
  return {
    name: `axon_backup_sink_${name}`,
    help,
    labels: ["sink"],
    read: ({ sinks }) => sinks.flatMap((sink) => sampleOf({ sink: sink.name }, value(sink))),
  };
}

/** A gauge with a value for each context of each sink that has one. */
function ofContexts(
  name: string,
  help: string,
  value: (lag: ContextLag, now: number, sink: SinkState) => number | undefined,
): StateMetric {
  return {
    name: `axon_backup_context_${name}`,
    help,
    labels: ["sink", "context"],
    read: ({ sinks }, now) =>
      sinks.flatMap((sink) =>
        sink.lags.flatMap((lag) =>
          sampleOf({ sink: sink.name, context: lag.context }, value(lag, now, sink)),
        ),
      ),
  };
}

/** A gauge that is 1 for the one of `values` that each sink has, and 0 for the others. */
function oneOf<Value extends string>(
  name: string,
  help: string,
  label: string,
  values: readonly Value[],
  value: (sink: SinkState) => Value | undefined,
): StateMetric {
  return {
    name: `axon_backup_sink_${name}`,
    help,
    labels: ["sink", label],
    read: ({ sinks }) =>
      sinks.flatMap((sink) =>
        values.map((one) => ({
          labels: { sink: sink.name, [label]: one },
          value: value(sink) === one ? 1 : 0,
        })),
      ),
  };
}

function sampleOf(labels: Sample["labels"], value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [{ ...(labels === undefined ? {} : { labels }), value }];
}

const seconds = (time: Date | undefined): number | undefined => time && time.getTime() / 1000;
const inSeconds = (milliseconds: number | undefined): number | undefined =>
  milliseconds === undefined ? undefined : milliseconds / 1000;

const SERVICE: readonly StateMetric[] = [
  {
    name: "axon_backup_build_info",
    help: "The running agent; always 1.",
    labels: ["version", "node"],
    read: ({ version }) => [{ labels: { version, node: process.versions.node }, value: 1 }],
  },
  {
    name: "axon_backup_start_timestamp_seconds",
    help: "When the service was started.",
    labels: [],
    read: ({ started }) => sampleOf(undefined, seconds(started)),
  },
  {
    name: "axon_backup_configuration_rejected",
    help: "1 while the newest configuration on the disk is not the one in use, because it is wrong.",
    labels: [],
    read: ({ rejectedConfiguration }) => [{ value: rejectedConfiguration ? 1 : 0 }],
  },
  {
    name: "axon_backup_server_up",
    help: "Whether the Axon Server answered when it was asked last.",
    labels: [],
    read: ({ server }) => [{ value: server && !server.problem ? 1 : 0 }],
  },
  {
    name: "axon_backup_server_seen_timestamp_seconds",
    help: "When the Axon Server answered last.",
    labels: [],
    read: ({ server }) => sampleOf(undefined, seconds(server?.seen)),
  },
  {
    name: "axon_backup_server_info",
    help: "The Axon Server that is backed up; always 1.",
    labels: ["name", "version", "edition"],
    read: ({ server }) =>
      server
        ? [{ labels: { name: server.name, version: server.version, edition: server.edition }, value: 1 }]
        : [],
  },
];

const SINKS: readonly StateMetric[] = [
  {
    name: "axon_backup_sink_info",
    help: "A sink that is in use; always 1.",
    labels: ["sink", "type"],
    read: ({ sinks }) => sinks.map(({ name, type }) => ({ labels: { sink: name, type }, value: 1 })),
  },
  oneOf("health", "How the sink is: 1 for the one that is true.", "health", HEALTHS, (sink) => sink.health),
  oneOf(
    "lease",
    "Who has the repository for itself: 1 for the one that is true.",
    "lease",
    LEASES,
    (sink) => sink.lease,
  ),
  ofSinks("last_success_timestamp_seconds", "When a restore point or a head was committed last.", (sink) =>
    seconds(sink.lastSuccess),
  ),
  ofSinks("next_restore_point_timestamp_seconds", "When the next restore point is due.", (sink) =>
    seconds(sink.nextRestorePoint),
  ),
  ofSinks("promised_lag_seconds", "How long new events may wait before they are on the sink.", (sink) =>
    inSeconds(sink.promise.lag),
  ),
  ofSinks("promised_restore_point_age_seconds", "How old the newest restore point may be.", (sink) =>
    inSeconds(sink.promise.restorePoint),
  ),
  ofSinks(
    "consecutive_failures",
    "How often the last thing that was tried has failed, in a row.",
    (sink) => sink.failure?.attempts ?? 0,
  ),
  ofSinks(
    "failing_since_timestamp_seconds",
    "When the failures began that no success has followed.",
    (sink) => seconds(sink.failure?.since),
  ),
  ofSinks("damaged_objects", "Objects that are known to be damaged.", (sink) => sink.damagedObjects),
  ofSinks("last_verify_timestamp_seconds", "When the last verification ended.", (sink) =>
    seconds(sink.lastVerify?.finished),
  ),
  ofSinks(
    "last_verify_duration_seconds",
    "How long the last verification took.",
    (sink) =>
      sink.lastVerify && (sink.lastVerify.finished.getTime() - sink.lastVerify.started.getTime()) / 1000,
  ),
  ofSinks("last_verify_bytes", "Bytes that the last verification read.", (sink) => sink.lastVerify?.bytes),
  ofSinks(
    "last_verify_findings",
    "What the last verification found wrong.",
    (sink) => sink.lastVerify?.findings,
  ),
  ofSinks("last_prune_timestamp_seconds", "When the last prune ended.", (sink) =>
    seconds(sink.lastPrune?.finished),
  ),
  ofSinks(
    "activity_bytes",
    "Bytes that are done of what runs now.",
    (sink) => sink.activity?.progress?.bytes,
  ),
  ofSinks(
    "activity_size_bytes",
    "Bytes that there are to do of what runs now.",
    (sink) => sink.activity?.progress?.totalBytes,
  ),
];

const CONTEXTS: readonly StateMetric[] = [
  ofContexts(
    "last_success_timestamp_seconds",
    "When something with this context was committed last; every commit has all contexts.",
    (_, __, sink) => seconds(sink.lastSuccess),
  ),
  ofContexts(
    "lag_seconds",
    "How long the oldest event waits that is not on the sink; 0 when none does.",
    (lag, now) => (lag.since === undefined ? 0 : Math.max(0, (now - lag.since.getTime()) / 1000)),
  ),
  ofContexts("lag_tokens", "How many tokens the sink is behind the server.", (lag) => lag.tokens),
  ofContexts("lag_bytes", "How many bytes the sink is behind the server.", (lag) => lag.bytes),
  ofContexts(
    "stored_token",
    "The token of the last event on the sink.",
    (lag) => lag.storedToken ?? undefined,
  ),
  ofContexts(
    "server_token",
    "The token of the last event on the server.",
    (lag) => lag.serverToken ?? undefined,
  ),
];

/** What can be read from a state alone. */
export const STATE_METRICS: readonly StateMetric[] = [
  ...SERVICE,
  ...SINKS,
  oneOf(
    "activity",
    "What runs now: 1 for the one that is true.",
    "task",
    ["restore-point", "follow", "verify", "prune"],
    (sink) => sink.activity?.job,
  ),
  ...CONTEXTS,
];
