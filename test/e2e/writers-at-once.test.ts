import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { plugin } from "@axon-backup/sink-local";
import { memorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { seedFrom } from "../support/random.js";
import { describeStorages, withSink } from "../support/storages/index.js";
import { type Arena, contests, type Tallies } from "../support/writers/contest.js";
import { overtakenEverywhere } from "../support/writers/overtaken.js";

/** Set to 500, every storage has that many rounds; see CONTRIBUTING.md. */
const ROUNDS = Number(process.env["AXON_BACKUP_WRITER_ROUNDS"] ?? "") || undefined;
const seed = seedFrom("AXON_BACKUP_WRITER_SEED");

function expectContest(tallies: Tallies, rounds: number): void {
  process.stderr.write(`      ${rounds} rounds, seed ${seed}: ${JSON.stringify(tallies)}\n`);
  expect(tallies.committed, "committed").to.be.greaterThan(rounds);
  expect(tallies.lost, "locks lost while a run stood still").to.be.greaterThan(rounds / 10);
  expect(tallies.refused).to.be.greaterThan(0);
}

/** A run, overtaken at each moment of its writing, by one that finds the open segment grown, and closed. */
async function expectOvertaken(
  open: (round: number) => Promise<Arena>,
  expiry: number,
  atOnce: number,
  growths: readonly number[] = [1, 12],
): Promise<void> {
  let number = 0;
  for (const events of growths) {
    const { moments, committed } = await overtakenEverywhere(() => open(number++), {
      events,
      expiry,
      atOnce,
    });
    expect(moments, "moments").to.be.greaterThan(15);
    // After its manifest, and where another one's lock was not there yet.
    expect(committed, "committed nevertheless").to.be.below(moments / 2);
  }
}

const OVERTAKEN =
  "a run that stands still while another one takes over and commits, at whatever moment, harms nothing";
const TITLE = "two writers at once, and five, that stand still for longer than a lock lasts";
const PROMISE = "never commit a restore point that doesn't restore";

describe(`${TITLE} (seed ${seed})`, () => {
  const inMemory = (): Promise<Arena> => {
    const { storage } = memorySink();
    return Promise.resolve({
      open: () => Promise.resolve(memorySink(storage)),
      close: () => Promise.resolve(),
    });
  };
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "axon-backup-writers-"));
  });
  after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  let directories = 0;
  const inDirectory = (): Promise<Arena> => {
    const path = join(directory, String(directories++));
    mkdirSync(path);
    return Promise.resolve({
      open: (purpose) => plugin.open({ path }, { name: "local", purpose }),
      close: () => {
        rmSync(path, { recursive: true });
        return Promise.resolve();
      },
    });
  };

  it(`${OVERTAKEN}: in memory`, () => expectOvertaken(inMemory, 60, 16));
  it(`${OVERTAKEN}: in a directory`, () => expectOvertaken(inDirectory, 60, 16));

  it(`${PROMISE}: in memory`, async function () {
    this.timeout(1_200_000);
    const rounds = ROUNDS ?? 100;
    expectContest(await contests(inMemory, { rounds, atOnce: 50, seed, expiry: 60 }), rounds);
  });

  it(`${PROMISE}: in a directory`, async function () {
    this.timeout(1_200_000);
    const rounds = ROUNDS ?? 30;
    expectContest(await contests(inDirectory, { rounds, atOnce: 15, seed, expiry: 100 }), rounds);
  });
});

describeStorages(`${TITLE} (seed ${seed})`, (server) => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "axon-backup-writers-"));
  });
  after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const open = async (): Promise<Arena> => {
    const place = await server().newPlace(directory);
    await withSink(place, "write", () => Promise.resolve()); // Some are made when they are opened.
    return { open: (purpose) => place.open(purpose), close: () => Promise.resolve() };
  };

  it(OVERTAKEN, () => expectOvertaken(open, 200, 8, ROUNDS === undefined ? [1] : undefined));

  it(PROMISE, async function () {
    this.timeout(3_600_000);
    const rounds = ROUNDS ?? 6;
    const atOnce = ROUNDS === undefined ? 6 : 20;
    expectContest(await contests(open, { rounds, atOnce, seed, expiry: 250 }), rounds);
  });
});
