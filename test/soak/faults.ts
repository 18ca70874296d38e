import { setTimeout as delay } from "node:timers/promises";
import type { Configuration } from "./configuration.js";
import type { Journal } from "./journal.js";
import type { SoakServer } from "./server.js";
import type { SoakService } from "./service.js";
import type { SoakSink } from "./sinks.js";

/** Everything that trouble can be made for. */
export interface World {
  readonly service: SoakService;
  readonly server: SoakServer;
  readonly sinks: readonly SoakSink[];
  readonly configuration: Configuration;
  readonly journal: Journal;
}

/** Waits; as soon as faults end, no longer. */
export type Pause = (milliseconds: number) => Promise<void>;

export interface Fault {
  readonly kind: string;
  /** Whom it is for: `service`, `server` or a sink. One fault at a time for each. */
  readonly on: string;
  readonly weight: number;
  /** Seconds that must be between two of this kind, in a soak of an hour; in shorter ones, less. */
  readonly apart: number;
  /** Whether it ends the service's process: not in the last third, in which one is to grow old. */
  readonly endsProcess?: true;
  /** Makes it, and ends it. */
  readonly make: (random: () => number, pause: Pause) => Promise<void>;
}

/** A second as a rule; more where the machine is busy, and a sink that must end first hangs. */
const TAKEN_MS = 90_000;

export function allFaults(world: World): readonly Fault[] {
  return [...world.sinks.flatMap(faultsOfSink), ...faultsOfServer(world), ...faultsOfService(world)];
}

/** Mostly short. @param from, to in seconds */
function some(random: () => number, from: number, to: number): number {
  return (from + (to - from) * random() ** 2) * 1000;
}

function faultsOfSink(sink: SoakSink): readonly Fault[] {
  const { remote, name: on } = sink;
  if (remote === undefined) return [];
  const { proxy, http, server } = remote;
  const faults: Fault[] = [
    {
      kind: "connections cut",
      on,
      weight: 3,
      apart: 0,
      make: async (random, pause) => {
        for (let left = 1 + Math.floor(random() * 5); left > 0; left--) {
          const direction = random() < 0.6 ? "up" : "down";
          proxy.cutAfter(Math.floor(random() ** 3 * 300_000), { direction });
          await pause(some(random, 0.5, 4));
        }
        await proxy.pass();
      },
    },
    {
      kind: "connections reset",
      on,
      weight: 2,
      apart: 0,
      make: async (random, pause) => {
        for (let left = 1 + Math.floor(random() * 4); left > 0; left--) {
          proxy.reset();
          await pause(some(random, 0.2, 3));
        }
      },
    },
    {
      kind: "connections held",
      on,
      weight: 2,
      apart: 0,
      make: async (random, pause) => {
        proxy.stall();
        await pause(some(random, 1, 45));
        await proxy.pass();
      },
    },
    {
      kind: "connections slowed",
      on,
      weight: 2,
      apart: 0,
      make: async (random, pause) => {
        proxy.delay(some(random, 0.02, 0.5));
        await pause(some(random, 5, 30));
        await proxy.pass();
      },
    },
    {
      kind: "connections refused",
      on,
      weight: 2,
      apart: 0,
      make: async (random, pause) => {
        await proxy.refuse();
        proxy.reset();
        await pause(some(random, 1, 30));
        await proxy.pass();
      },
    },
  ];
  const restart = server.restart;
  if (restart !== undefined)
    faults.push({
      kind: "storage server killed",
      on,
      weight: 2,
      apart: 60,
      make: async (random) => {
        sink.isUp = false;
        sink.outages++;
        await restart({ down: some(random, 0, 15) });
        sink.isUp = true;
        sink.outages++;
      },
    });
  if (http !== undefined)
    faults.push({
      kind: "answers 500 and 503",
      on,
      weight: 3,
      apart: 0,
      make: async (random, pause) => {
        const answer = http.errors[Math.floor(random() * http.errors.length)];
        if (answer === undefined) return;
        const rule = random() < 0.5 ? { times: 1 + Math.floor(random() * 20) } : {};
        http.proxy.answer(answer, { after: Math.floor(random() * 5), ...rule });
        await pause(some(random, 1, 25));
        http.proxy.pass();
      },
    });
  return faults;
}

function faultsOfServer({ server, journal }: World): readonly Fault[] {
  const restart = async (random: () => number, pause: Pause, losesTail: boolean): Promise<void> => {
    await server.down();
    await pause(some(random, 0, 12));
    if (losesTail) {
      const lost = server.loseTail();
      if (lost !== undefined) journal.note(`events ${lost.from} to ${lost.to - 1} were lost`);
      journal.count(lost === undefined ? "tails that could not be lost" : "tails lost");
    }
    await server.up();
  };
  return [
    {
      kind: "Axon Server restarted",
      on: "server",
      weight: 2,
      apart: 20,
      make: (random, pause) => restart(random, pause, false),
    },
    {
      kind: "Axon Server lost its last transactions",
      on: "server",
      weight: 3,
      apart: 150,
      make: (random, pause) => restart(random, pause, true),
    },
    {
      kind: "Axon Server answers 503",
      on: "server",
      weight: 1,
      apart: 20,
      make: async (random, pause) => {
        const answers = server.refuse();
        await pause(some(random, 1, 20));
        answers();
      },
    },
  ];
}

function faultsOfService({ service, configuration, journal }: World): readonly Fault[] {
  const on = "service";
  const taken = async (what: string, isRejected: boolean): Promise<void> => {
    for (const end = performance.now() + TAKEN_MS; performance.now() < end;) {
      await delay(200);
      // It may be busy for longer than an answer may take.
      const state = await service.state().catch(() => undefined);
      if (state !== undefined && (state.rejectedConfiguration !== null) === isRejected) return;
    }
    journal.wrong(`${what}: not within ${TAKEN_MS / 1000} s`);
  };
  return [
    {
      kind: "service killed (kill -9)",
      on,
      weight: 4,
      apart: 300,
      endsProcess: true,
      make: async (random, pause) => {
        await service.end("SIGKILL");
        await pause(some(random, 0, 10));
        await service.start();
      },
    },
    {
      kind: "service ended (SIGTERM)",
      on,
      weight: 1,
      apart: 600,
      endsProcess: true,
      make: async (random, pause) => {
        await service.end("SIGTERM");
        await pause(some(random, 0, 5));
        await service.start();
      },
    },
    {
      kind: "service stopped and resumed",
      on,
      weight: 2,
      apart: 40,
      make: async (random, pause) => {
        service.signal("SIGSTOP");
        await pause(some(random, 1, 30));
        service.signal("SIGCONT");
      },
    },
    {
      kind: "configuration changed",
      on,
      weight: 2,
      apart: 60,
      make: async (random) => {
        configuration.change(random);
        service.signal("SIGHUP");
        await delay(1000);
        await taken("a configuration that is right is taken", false);
      },
    },
    {
      kind: "configuration spoiled",
      on,
      weight: 2,
      apart: 60,
      make: async (random, pause) => {
        configuration.spoil(random);
        service.signal("SIGHUP");
        await taken("a configuration that is wrong is rejected", true);
        await pause(some(random, 0, 10));
        configuration.write();
        service.signal("SIGHUP");
        await taken("the configuration before is right again", false);
      },
    },
    {
      kind: "restore point asked for (SIGUSR1)",
      on,
      weight: 1,
      apart: 30,
      make: () => {
        service.signal("SIGUSR1");
        return Promise.resolve();
      },
    },
  ];
}
