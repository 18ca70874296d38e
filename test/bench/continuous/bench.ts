import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { inspectStore, type Standin, startStandin } from "@axon-backup/axon-server-standin";
import { measure } from "../child.js";
import { describeMachine } from "../machine.js";
import { axonBackup, Workshop } from "../workshop.js";
import { type SeenHead, watchHeads } from "./heads.js";
import { latencyOf, secondsUntilStored } from "./latency.js";
import { append } from "./load.js";
import type { ContinuousOptions, ContinuousReport, Memory, SinkResult } from "./model.js";
import { cpuSecondsOf, memoryOf } from "./process.js";
import { isCaughtUp, Service, type ServiceStateJson } from "./service.js";
import { closeSinks, type Followed, startSinks } from "./sinks.js";

const MiB = 1024 ** 2;
/** As large beside a segment as a real one's. */
const INDEX_BYTES = 80 * 1024;
/** From here on S3 can extend a copy. */
const S3_EXTENDS_FROM = 5 * MiB;
/** The lease is given back half a minute after the last event: only then a sink is idle. */
const UNTIL_IDLE_MS = 45_000;
const IDLE_MS = 90_000;
const MEMORY_MS = 10_000;

/** `npm run bench -- continuous`. */
export async function benchContinuous(
  options: ContinuousOptions,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<ContinuousReport> {
  const machine = describeMachine(options.directory);
  process.env["TMPDIR"] = options.directory;
  const workshop = Workshop.open(options.directory, signal);
  let sinks: readonly Followed[] = [];
  let standin: Standin | undefined;
  let service: Service | undefined;
  try {
    sinks = await startSinks(workshop.path("storages"));
    const storage = workshop.path("server", "data");
    mkdirSync(storage, { recursive: true });
    standin = await startStandin({
      generation: "2023.2",
      storage,
      segmentSize: options.segmentMiB * MiB,
      indexBytes: INDEX_BYTES,
    });
    standin.appendSample("default", 10);
    const all = configuration(workshop, "all", standin, sinks);
    const one = configuration(workshop, "one", standin, sinks.slice(0, 1));

    service = await Service.start(serviceCommand(all));
    await service.until("every sink is followed", isCaughtUp(sinks.length));
    say(`every sink is followed; ${options.rate} transactions a second for ${options.seconds} s …`);
    const load = await underLoad({ service, standin, sinks, options, signal });
    say(JSON.stringify(load));
    say(`idle with ${sinks.length} sinks …`);
    await delay(UNTIL_IDLE_MS, undefined, { signal });
    const idleAll = await idleCpu(service, signal);
    const peakBytes = memoryOf(service.pid, "VmHWM");
    const memory = [
      ...load.memory,
      { second: options.seconds + (UNTIL_IDLE_MS + IDLE_MS) / 1000, bytes: memoryOf(service.pid, "VmRSS") },
    ];
    await service.end();

    say("every sink is restored and compared …");
    for (const { type } of sinks) await expectRestores(workshop, all, type, storage);

    say("idle with one sink …");
    service = await Service.start(serviceCommand(one));
    await service.until("the sink is followed", isCaughtUp(1));
    await delay(UNTIL_IDLE_MS / 3, undefined, { signal });
    const idleOne = await idleCpu(service, signal);
    await service.end();
    return {
      machine,
      options: { seconds: options.seconds, rate: options.rate, segmentMiB: options.segmentMiB },
      ...load,
      idleCpu: [
        { sinks: sinks.length, secondsPerHour: idleAll },
        { sinks: 1, secondsPerHour: idleOne },
      ],
      memory,
      peakBytes,
    };
  } finally {
    await service?.end("SIGKILL");
    await standin?.close();
    await closeSinks(sinks);
    await workshop.close();
  }
}

/** Not quiet: it says where it listens. */
function serviceCommand(config: string): [string, ...string[]] {
  const [program, ...args] = axonBackup(config, "run");
  return [program, ...args.filter((arg) => arg !== "--quiet")];
}

function configuration(
  workshop: Workshop,
  name: string,
  standin: Standin,
  sinks: readonly Followed[],
): string {
  const config = workshop.path(`config-${name}`);
  mkdirSync(join(config, "sinks.d"), { recursive: true });
  const agent = [
    "server:",
    `  url: ${standin.url}`,
    `  storage: [${standin.storage}]`,
    "service: {listen: 127.0.0.1:0}",
  ];
  writeFileSync(join(config, "agent.yaml"), `${agent.join("\n")}\n`);
  for (const { type, place } of sinks)
    writeFileSync(join(config, "sinks.d", `${type}.yaml`), `${place.yaml().join("\n")}\n`);
  return config;
}

interface Loaded {
  readonly service: Service;
  readonly standin: Standin;
  readonly sinks: readonly Followed[];
  readonly options: ContinuousOptions;
  readonly signal: AbortSignal;
}

type LoadReport = Pick<
  ContinuousReport,
  "transactions" | "writtenBytes" | "closedBytes" | "sinks" | "loadCpu" | "load"
> & { readonly memory: readonly Memory[] };

async function underLoad({ service, standin, sinks, options, signal }: Loaded): Promise<LoadReport> {
  const { seconds, rate } = options;
  const first = standin.head("default") + 1;
  const directory = join(standin.storage, "default");
  const before = {
    bytes: bytesIn(directory),
    files: closedFiles(directory),
    cpu: cpuSecondsOf(service.pid),
    state: await service.state(),
  };
  const cycleBytes = await service.metric("axon_backup_sink_cycle_bytes_total");
  const watching = new AbortController();
  const heads = sinks.map((): SeenHead[] => []);
  const watched = sinks.map((sink, index) => watchHeads(sink, heads[index] ?? [], watching.signal));
  const failed = Promise.all(watched).then(() => new Promise<never>(() => undefined));
  const memory: Memory[] = [];
  const began = performance.now();
  const look = setInterval(() => {
    if (!service.hasEnded)
      memory.push({
        second: Math.round((performance.now() - began) / 1000),
        bytes: memoryOf(service.pid, "VmRSS"),
      });
  }, MEMORY_MS);
  try {
    const appended = await Promise.race([append(standin, rate, seconds, signal), failed]);
    const loadCpu = (cpuSecondsOf(service.pid) - before.cpu) / seconds;
    const load = loadavg()[0] ?? 0;
    const nextToken = standin.head("default") + 1;
    // A copy that can't be extended may wait for a minute.
    await Promise.race([
      failed,
      service.until("every sink has everything", isCaughtUp(sinks.length), 180_000),
    ]);
    for (const seen of heads)
      while ((seen.at(-1)?.nextToken ?? 0) < nextToken) await delay(50, undefined, { signal });
    clearInterval(look);
    // What the server has closed is stored whole behind it.
    await delay(10_000, undefined, { signal });
    const after = await service.state();
    const cyclesAfter = await service.metric("axon_backup_sink_cycle_bytes_total");
    const inLarge = segmentOffsets(directory, first);
    const results = sinks.map(({ type }, index): SinkResult => {
      const all = secondsUntilStored(first, appended, heads[index] ?? []);
      const counts = (state: ServiceStateJson) => state.sinks.find(({ sink }) => sink === type)?.counts;
      const calls = Object.entries(counts(after)?.methods ?? {}).map(
        ([method, count]) =>
          [method, count.calls - (counts(before.state)?.methods[method]?.calls ?? 0)] as const,
      );
      return {
        type,
        latency: latencyOf(all),
        small: latencyOf(all.filter((_, transaction) => (inLarge[transaction] ?? 0) < S3_EXTENDS_FROM)),
        large: latencyOf(all.filter((_, transaction) => (inLarge[transaction] ?? 0) >= S3_EXTENDS_FROM)),
        heads: heads[index]?.length ?? 0,
        sentBytes: (counts(after)?.bytesUp ?? 0) - (counts(before.state)?.bytesUp ?? 0),
        cycleBytes: (cyclesAfter.get(type) ?? 0) - (cycleBytes.get(type) ?? 0),
        calls: Object.fromEntries(calls.filter(([, count]) => count > 0)),
      };
    });
    return {
      transactions: appended.length,
      writtenBytes: bytesIn(directory) - before.bytes,
      closedBytes: closedFiles(directory) - before.files,
      sinks: results,
      loadCpu,
      load,
      memory,
    };
  } finally {
    clearInterval(look);
    watching.abort();
    await Promise.allSettled(watched);
  }
}

/** Bytes of transactions. */
function bytesIn(directory: string): number {
  return inspectStore(directory, "events").segments.reduce((sum, { end }) => sum + end, 0);
}

/** Bytes of the files of segments that are closed: those with an index. */
function closedFiles(directory: string): number {
  const names = readdirSync(directory);
  const closed = new Set(
    names
      .filter((name) => name.endsWith(".nindex") || name.endsWith(".index"))
      .map((name) => name.split(".")[0]),
  );
  return (
    names
      // The first segment of the snapshots has the name of that of the events.
      .filter((name) => !name.endsWith(".snapshots") && closed.has(name.split(".")[0]))
      .reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
  );
}

/** Of each transaction from a token on, where in its segment it begins. */
function segmentOffsets(directory: string, first: number): number[] {
  const offsets: number[] = [];
  inspectStore(directory, "events", ({ firstToken, offset }) => {
    if (firstToken >= first) offsets.push(offset);
  });
  return offsets;
}

async function idleCpu({ pid }: Service, signal: AbortSignal): Promise<number> {
  const [began, before] = [performance.now(), cpuSecondsOf(pid)];
  await delay(IDLE_MS, undefined, { signal });
  return ((cpuSecondsOf(pid) - before) / (performance.now() - began)) * 1000 * 3600;
}

/** @throws Error unless the sink has every event, in segments with the server's bytes */
async function expectRestores(
  workshop: Workshop,
  config: string,
  sink: string,
  storage: string,
): Promise<void> {
  const target = workshop.path(`restored-${sink}`);
  const [program, ...args] = axonBackup(config, "restore", "--sink", sink, "--to", target);
  await measure(program, args, workshop.signal);
  const [theirs, ours] = [join(storage, "default"), join(target, "default")];
  const [wanted, found] = [theirs, ours].map((directory) => inspectStore(directory, "events").nextToken);
  if (wanted !== found)
    throw new Error(`${sink}: restored up to token ${found ?? "?"}, not ${wanted ?? "?"}`);
  for (const name of readdirSync(theirs).filter((name) => /\.(events|snapshots)$/.test(name)))
    if (!readFileSync(join(theirs, name)).equals(readFileSync(join(ours, name))))
      throw new Error(`${sink}: ${name} was restored with other bytes`);
}
