import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Contest, type ContestPlan, type Contestant, type Contests } from "./contest.js";
import { describeContent } from "./report.js";
import { axonBackup, contentOf, type Workshop } from "./workshop.js";

const SEGMENTS = 8;
const MiB = 1024 * 1024;

/** The first backup of a store of 8 × 32 MiB, its restore, and its restore up to a token. */
export async function measureFull(
  workshop: Workshop,
  contests: Contests,
  rounds: number,
  withRclone: boolean,
): Promise<Contest[]> {
  const store = await workshop.store("full", {
    segments: SEGMENTS,
    segmentSize: 32 * MiB,
    indexBytes: 64 * 1024,
  });
  const place = (kind: string) => (round: number) => join(store.directory, `${kind}-${round}`);
  const [sink, restored] = [place("sink"), place("restored")];
  const config = (round: number): string => workshop.configuration(store, String(round), sink(round));
  const copies = (from: (round: number) => string, kind: string): Contestant[] => {
    const [rclone, cp] = [place(`${kind}-rclone`), place(`${kind}-cp`)];
    return [
      ...(withRclone
        ? [
            {
              name: "rclone copy",
              command: (round: number) => ["rclone", "--quiet", "copy", from(round), rclone(round)] as const,
              target: rclone,
            },
          ]
        : []),
      { name: "cp -r", command: (round) => ["cp", "-r", from(round), cp(round)], target: cp },
    ];
  };
  const backup: ContestPlan = {
    title: "First backup of 8 × 32 MiB",
    note: `rclone and cp copy ${describeContent(store)}; axon-backup the same files, and with them a control DB backup and its manifest.`,
    contestants: [
      { name: "axon-backup backup", command: (round) => axonBackup(config(round), "backup"), target: sink },
      ...copies(() => store.data, "copy"),
    ],
  };
  const restore: ContestPlan = {
    title: "Restore of the same",
    note: "rclone and cp copy the repository's files of the context; axon-backup checks what it restores.",
    contestants: [
      {
        name: "axon-backup restore",
        command: (round) => axonBackup(config(round), "restore", "--to", restored(round)),
        target: restored,
      },
      ...copies((round) => join(sink(round), "contexts"), "back"),
    ],
  };
  const cut: ContestPlan = {
    title: "Restore up to a token, and of everything",
    note: "The token is that of the last event but a hundred: the same bytes are read, and one segment is cut.",
    contestants: [
      {
        name: "axon-backup restore",
        command: (round) => axonBackup(config(round), "restore", "--to", place("whole")(round)),
        target: place("whole"),
      },
      {
        name: "axon-backup restore --token",
        command: (round) =>
          axonBackup(
            config(round),
            "restore",
            "--to",
            place("cut")(round),
            "--token",
            String(lastToken(config(round)) - 100),
          ),
        target: place("cut"),
      },
    ],
  };
  for (let round = 0; round < rounds; round++) {
    for (const plan of [backup, restore, cut]) await contests.round(plan, round);
    expectWhole("the backup", contentOf(join(sink(round), "contexts")).bytes, SEGMENTS * 32 * MiB);
    expectWhole("the restore", contentOf(restored(round)).bytes, SEGMENTS * 32 * MiB);
    for (const kind of [
      "sink",
      "restored",
      "copy-rclone",
      "copy-cp",
      "back-rclone",
      "back-cp",
      "whole",
      "cut",
    ])
      rmSync(place(kind)(round), { recursive: true, force: true });
  }
  return [backup, restore, cut].map((plan) => contests.result(plan));
}

/** Of the newest restore point's only context. */
function lastToken(config: string): number {
  const [program, ...args] = axonBackup(config, "list", "--json");
  const answer = JSON.parse(execFileSync(program, args, { encoding: "utf8" })) as {
    readonly sinks: readonly {
      readonly restorePoints: readonly {
        readonly contexts: readonly { readonly lastEventToken: number }[];
      }[];
    }[];
  };
  const token = answer.sinks[0]?.restorePoints.at(-1)?.contexts[0]?.lastEventToken;
  if (token === undefined) throw new Error("`axon-backup list` shows no restore point with events");
  return token;
}

/** A fast tool that leaves something out is no winner. */
function expectWhole(what: string, bytes: number, least: number): void {
  if (bytes < least) throw new Error(`${what} has ${bytes} bytes, less than the segments' ${least}`);
}
