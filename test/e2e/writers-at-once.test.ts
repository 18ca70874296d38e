import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { plugin } from "@axon-backup/sink-local";
import { memorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { seedFrom } from "../support/random.js";
import { describeStorages, withSink } from "../support/storages/index.js";
import { type Arena, contests, type Tallies } from "../support/writers/contest.js";

/** Set to 500, every storage has that many rounds; see CONTRIBUTING.md. */
const ROUNDS = Number(process.env["AXON_BACKUP_WRITER_ROUNDS"] ?? "") || undefined;
const seed = seedFrom("AXON_BACKUP_WRITER_SEED");

function expectContest(tallies: Tallies, rounds: number): void {
  process.stderr.write(`      ${rounds} rounds, seed ${seed}: ${JSON.stringify(tallies)}\n`);
  expect(tallies.committed, "committed").to.be.greaterThan(rounds);
  expect(tallies.lost, "locks lost while a run stood still").to.be.greaterThan(rounds / 10);
  expect(tallies.refused).to.be.greaterThan(0);
}

const TITLE = "two writers at once, and five, that stand still for longer than a lock lasts";
const PROMISE = "never commit a restore point that doesn't restore";

describe(`${TITLE} (seed ${seed})`, () => {
  it(`${PROMISE}: in memory`, async function () {
    this.timeout(1_200_000);
    const rounds = ROUNDS ?? 100;
    const open = (): Promise<Arena> => {
      const { storage } = memorySink();
      return Promise.resolve({
        open: () => Promise.resolve(memorySink(storage)),
        close: () => Promise.resolve(),
      });
    };
    expectContest(await contests(open, { rounds, atOnce: 50, seed, expiry: 60 }), rounds);
  });

  it(`${PROMISE}: in a directory`, async function () {
    this.timeout(1_200_000);
    const rounds = ROUNDS ?? 30;
    const directory = mkdtempSync(join(tmpdir(), "axon-backup-writers-"));
    const open = (round: number): Promise<Arena> => {
      const path = join(directory, String(round));
      mkdirSync(path);
      return Promise.resolve({
        open: (purpose) => plugin.open({ path }, { name: "local", purpose }),
        close: () => {
          rmSync(path, { recursive: true });
          return Promise.resolve();
        },
      });
    };
    try {
      expectContest(await contests(open, { rounds, atOnce: 15, seed, expiry: 100 }), rounds);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describeStorages(`${TITLE} (seed ${seed})`, (server) => {
  it(PROMISE, async function () {
    this.timeout(3_600_000);
    const rounds = ROUNDS ?? 6;
    const directory = mkdtempSync(join(tmpdir(), "axon-backup-writers-"));
    const open = async (): Promise<Arena> => {
      const place = await server().newPlace(directory);
      await withSink(place, "write", () => Promise.resolve()); // Some are made when they are opened.
      return { open: (purpose) => place.open(purpose), close: () => Promise.resolve() };
    };
    try {
      expectContest(
        await contests(open, { rounds, atOnce: ROUNDS === undefined ? 6 : 20, seed, expiry: 250 }),
        rounds,
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
