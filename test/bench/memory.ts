import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Contest, type ContestPlan, type Contests } from "./contest.js";
import { describeContent } from "./report.js";
import { axonBackup, type Workshop } from "./workshop.js";

const GiB = 1024 ** 3;

/** The peak memory with one segment of 1 GiB. */
export async function measureMemory(
  workshop: Workshop,
  contests: Contests,
  rounds: number,
  withRclone: boolean,
): Promise<Contest[]> {
  const store = await workshop.store("memory", { segments: 1, segmentSize: GiB, indexBytes: 64 * 1024 });
  const sink = (round: number): string => join(store.directory, `sink-${round}`);
  const restored = (round: number): string => join(store.directory, `restored-${round}`);
  const rclone = (round: number): string => join(store.directory, `rclone-${round}`);
  const config = (round: number): string => workshop.configuration(store, String(round), sink(round));
  const alone = (name: string, args: (round: number) => readonly string[]): ContestPlan => ({
    title: `${name} with one segment of 1 GiB`,
    note: describeContent(store),
    contestants: [
      { name: `axon-backup ${name}`, command: (round) => axonBackup(config(round), ...args(round)) },
    ],
  });
  const plans = [
    alone("backup", () => ["backup"]),
    alone("verify --read-data", () => ["verify", "--read-data"]),
    alone("restore", (round) => ["restore", "--to", restored(round)]),
    ...(withRclone
      ? [
          {
            title: "rclone with one segment of 1 GiB",
            note: describeContent(store),
            contestants: [
              {
                name: "rclone copy",
                command: (round: number) => ["rclone", "--quiet", "copy", store.data, rclone(round)] as const,
              },
            ],
          },
        ]
      : []),
  ];
  for (let round = 0; round < rounds; round++) {
    for (const plan of plans) await contests.round(plan, round);
    for (const path of [sink, restored, rclone]) rmSync(path(round), { recursive: true, force: true });
  }
  return [
    {
      title: "Peak memory with one segment of 1 GiB",
      note: `${describeContent(store)}.`,
      apart: true,
      series: plans.flatMap((plan) => contests.result(plan).series),
    },
  ];
}
