import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Contest, type ContestPlan, type Contests } from "./contest.js";
import { countOperations, type Operations } from "./operations.js";
import { describeContent } from "./report.js";
import { axonBackup, contentOf, type Workshop } from "./workshop.js";

const SEGMENTS = 10_000;

export interface Incremental {
  readonly contests: readonly Contest[];
  readonly operations: Operations;
}

/** Backups of a store of 10,000 segments of 1 KiB with their index files: the first one, and those that find nothing new. */
export async function measureIncremental(
  workshop: Workshop,
  contests: Contests,
  rounds: number,
  withRclone: boolean,
): Promise<Incremental> {
  const store = await workshop.store("incremental", {
    segments: SEGMENTS,
    segmentSize: 1024,
    eventsPerTransaction: 1,
    payloadBytes: 200,
    indexBytes: 128,
  });
  const sink = join(store.directory, "sink");
  const config = workshop.configuration(store, "nas", sink);
  const [rclone, cp] = [join(store.directory, "rclone"), join(store.directory, "cp")];
  const backup = { name: "axon-backup backup", command: () => axonBackup(config, "backup") };
  const withRcloneCopy = {
    name: "rclone copy",
    command: () => ["rclone", "--quiet", "copy", store.data, rclone] as const,
  };
  const first: ContestPlan = {
    title: "First backup of 10,000 segments of 1 KiB",
    note: `Once. ${describeContent(store)}: a segment, an index and a bloom file each. Every object of axon-backup's is on the disk before the manifest names it.`,
    contestants: [
      { ...backup, target: () => sink },
      ...(withRclone ? [{ ...withRcloneCopy, target: () => rclone }] : []),
      { name: "cp -r", command: () => ["cp", "-r", store.data, cp], target: () => cp },
    ],
  };
  const again: ContestPlan = {
    title: "Backup with nothing new in a repository of 10,000 segments",
    note: `axon-backup looks at each of the repository's ${contentOf(store.data).files} copies, and makes a restore point; rclone and cp -ru compare the files on both sides.`,
    contestants: [
      backup,
      ...(withRclone ? [withRcloneCopy] : []),
      { name: "cp -ru", command: () => ["cp", "-ru", `${store.data}/.`, cp] },
    ],
  };
  const restored = (kind: string) => (round: number) => join(store.directory, `restored-${kind}-${round}`);
  const restore: ContestPlan = {
    title: "Restore of 10,000 segments of 1 KiB",
    note: "rclone and cp copy the repository's files of the context. Every file of axon-backup's is checked against the manifest and synced before the directory has its name.",
    contestants: [
      {
        name: "axon-backup restore",
        command: (round) => axonBackup(config, "restore", "--to", restored("axon")(round)),
        target: restored("axon"),
      },
      ...(withRclone
        ? [
            {
              name: "rclone copy",
              command: (round: number) =>
                ["rclone", "--quiet", "copy", join(sink, "contexts"), restored("rclone")(round)] as const,
              target: restored("rclone"),
            },
          ]
        : []),
      {
        name: "cp -r",
        command: (round) => ["cp", "-r", join(sink, "contexts"), restored("cp")(round)],
        target: restored("cp"),
      },
    ],
  };
  await contests.round(first, 0);
  for (let round = 0; round < rounds; round++) {
    await contests.round(again, round);
    await contests.round(restore, round);
    for (const kind of ["axon", "rclone", "cp"])
      rmSync(restored(kind)(round), { recursive: true, force: true });
  }
  return {
    contests: [first, again, restore].map((plan) => contests.result(plan)),
    operations: await countOperations(workshop, store, config, sink),
  };
}
