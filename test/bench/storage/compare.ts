import { rm } from "node:fs/promises";
import type { Contest, ContestPlan, Contestant, Contests } from "../contest.js";
import { describeContent } from "../report.js";
import type { Store, Workshop } from "../workshop.js";
import { expectRestored, expectStored } from "./check.js";
import { type DataSet, makeStore } from "./data-sets.js";
import type { Place, Storage, StorageServer } from "./model.js";
import { type Tool, type ToolName, makeTool, run, toolNames } from "./tools.js";
import { warmUp } from "./warm-up.js";

/** A tool and where its objects are. */
export interface Entrant {
  readonly tool: Tool;
  readonly place: Place;
}

/** Backup and restore of a data set, round by round, each with a new server. */
export async function compare(
  storage: Storage,
  set: DataSet,
  workshop: Workshop,
  contests: Contests,
  rounds: number,
): Promise<Contest[]> {
  const store = await makeStore(set, workshop, set.part);
  const stored = new Map<string, string>();
  const plans = (entrants: readonly Entrant[], server: StorageServer, to: Restored) => {
    const plan = (what: string, note: string, contestant: (entrant: Entrant) => Contestant): ContestPlan => ({
      title: `${what} of ${set.title} (${storage.type})`,
      note,
      contestants: entrants.map(contestant),
    });
    return {
      backup: plan(
        "Backup",
        `${describeContent(store)}. Stored: ${[...stored.values()].join("; ")}.`,
        ({ tool }) => ({
          // prettier-ignore
          name: tool.name,
          env: tool.env,
          command: () => tool.backup,
          target: () => server.directory,
        }),
      ),
      restore: plan(
        "Restore",
        "Each tool what it has stored; axon-backup checks what it restores.",
        ({ tool }) => ({
          // prettier-ignore
          name: tool.name,
          env: tool.env,
          command: () => tool.restore(to(tool)),
          target: () => to(tool),
        }),
      ),
    };
  };
  let last: readonly ContestPlan[] = [];
  for (let round = 0; round < rounds; round++)
    await withServer(storage, workshop, async (server) => {
      await warmUp(server);
      const entrants = await enter(server, workshop, store, `${set.part}-${round}`);
      const restored: Restored = ({ name }) =>
        workshop.path(`restored-${set.part}-${round}-${name.replaceAll(" ", "")}`);
      const { backup, restore } = plans(entrants, server, restored);
      await contests.round(backup, round);
      for (const { tool, place } of entrants)
        stored.set(tool.name, `${tool.name} ${await expectStored(tool.name, place, store)}`);
      await contests.round(restore, round);
      for (const { tool } of entrants) {
        expectRestored(tool.name, restored(tool), store);
        await rm(restored(tool), { recursive: true, force: true });
      }
      last = Object.values(plans(entrants, server, restored));
    });
  return last.map((plan) => contests.result(plan));
}

type Restored = (tool: Tool) => string;

/** A new server, ended and forgotten when `use` is done. */
export async function withServer<T>(
  storage: Storage,
  workshop: Workshop,
  use: (server: StorageServer) => Promise<T>,
): Promise<T> {
  const server = await storage.start(workshop.directory);
  try {
    return await use(server);
  } finally {
    await server.close();
    if (server.port === undefined) await rm(server.directory, { recursive: true, force: true });
  }
}

/** Every tool that is here and can use the storage, each with a new, empty place. @param id unique */
export async function enter(
  server: StorageServer,
  workshop: Workshop,
  store: Store & { readonly url: string },
  id: string,
  port?: number,
): Promise<readonly Entrant[]> {
  const entrants: Entrant[] = [];
  const names: readonly ToolName[] = toolNames(await server.newPlace(`${id}-names`));
  for (const name of names) {
    const place = await server.newPlace(`${id}-${name}`);
    const tool = makeTool(name, workshop, store, place, `${id}-${name}`, port);
    if (tool.init) await run(tool.init, tool.env, workshop.signal);
    entrants.push({ tool, place });
  }
  return entrants;
}
