import {
  Repository,
  type RestorePointId,
  verify,
  type VerifyOptions,
  type VerifyReport,
} from "@axon-backup/core";
import type { Sink } from "@axon-backup/sink";

/** Nights of verifications of one sink: each a day after the one before. */
export class Nights {
  day = 0;
  /** Milliseconds that the monotonic clock shows. */
  elapsed = 0;

  constructor(readonly sink: Sink) {}

  get date(): Date {
    return new Date(Date.UTC(2026, 10, 24 + this.day, 3));
  }

  /** Verifies, and lets a day pass. */
  async verify(options: Partial<VerifyOptions> = {}): Promise<VerifyReport> {
    const now = (): Date => this.date;
    try {
      return await verify({
        sink: this.sink,
        name: "memory",
        readData: true,
        now,
        clock: { now: () => this.elapsed },
        ...options,
      });
    } finally {
      this.day++;
    }
  }

  async repository(): Promise<Repository> {
    const repository = await Repository.open(this.sink);
    if (repository === undefined) throw new Error("no repository");
    return repository;
  }

  /** What the record says: `<restore point's last digits> <depth> <day>`. */
  async record(): Promise<string[]> {
    const entries = await (await this.repository()).verifiedRestorePoints();
    return entries.map(({ id, depth, verified }) => `${shortId(id)} ${depth} ${dayOf(verified)}`);
  }
}

/** The keys of the objects that were read on a day. */
export function readOn({ lastRead }: VerifyReport, day: number): string[] {
  return lastRead.flatMap(({ key, read }) => (read !== null && dayOf(read) === day ? [key] : []));
}

export function unread({ lastRead }: VerifyReport): string[] {
  return lastRead.flatMap(({ key, read }) => (read === null ? [key] : []));
}

function dayOf(time: string): number {
  return Math.round((Date.parse(time) - Date.UTC(2026, 10, 24, 3)) / 86_400_000);
}

function shortId(id: RestorePointId): string {
  return id.slice("20261124T0600".length, "20261124T060000".length);
}
