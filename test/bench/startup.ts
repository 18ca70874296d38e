import { type Contest, type Contests } from "./contest.js";
import { axonBackupVersion } from "./workshop.js";

/** How many times more often than the long ones: these take a moment. */
const TIMES = 4;

export async function measureStartup(contests: Contests, rounds: number): Promise<Contest[]> {
  const plan = {
    title: "Start-up",
    note: "What the command line adds to Node's own start.",
    contestants: [
      { name: "axon-backup --version", command: axonBackupVersion },
      { name: "node -e 0", command: () => [process.execPath, "-e", "0"] as const },
    ],
  };
  for (let round = 0; round < rounds * TIMES; round++) await contests.round(plan, round);
  return [contests.result(plan)];
}
