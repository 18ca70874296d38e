import { rm } from "node:fs/promises";
import type { Contest, ContestPlan, Contests } from "../contest.js";
import { hasProgram, type Workshop } from "../workshop.js";
import { expectRestored, expectStored } from "./check.js";
import { withServer } from "./compare.js";
import { type DataSet, makeStore } from "./data-sets.js";
import type { Storage } from "./model.js";
import { makeTool, run } from "./tools.js";

/**
 * Restores of one backup: axon-backup's, and rclone's copy of the very same objects. For storages that take so long to be filled that one must do: Azurite looks at every blob for each request, and
 * two copies of 30,000 files are more than an hour.
 */
export async function compareRestores(
  storage: Storage,
  set: DataSet,
  workshop: Workshop,
  contests: Contests,
  rounds: number,
): Promise<Contest> {
  const id = `${set.part}-restore`;
  const store = await makeStore(set, workshop, id);
  return withServer(storage, workshop, async (server) => {
    const place = await server.newPlace(id);
    const tools = (["axon-backup", "rclone"] as const)
      .filter((name) => name === "axon-backup" || hasProgram("rclone", "version"))
      .map((name) => makeTool(name, workshop, store, place, `${id}-${name}`));
    const [own] = tools;
    if (own === undefined) throw new Error("axon-backup isn't here");
    await run(own.backup, own.env, workshop.signal);
    const stored = await expectStored(own.name, place, store);
    const to = (name: string): string => workshop.path(`restored-${id}-${name.replaceAll(" ", "")}`);
    const plan: ContestPlan = {
      title: `Restore of ${set.title} (${storage.type}), the same objects`,
      note: `Both what axon-backup has stored, ${stored}; axon-backup checks what it restores.`,
      contestants: tools.map(({ name, env, restore }) => ({
        name,
        env,
        command: () => restore(to(name)),
        target: () => to(name),
      })),
    };
    for (let round = 0; round < rounds; round++) {
      await contests.round(plan, round);
      for (const { name } of tools) {
        expectRestored(name, to(name), store);
        await rm(to(name), { recursive: true, force: true });
      }
    }
    return contests.result(plan);
  });
}
