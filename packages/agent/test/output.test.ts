import type { EngineEvent } from "@axon-backup/core";
import { expect } from "chai";
import fc from "fast-check";
import { DEFAULT_LOG } from "../dist/config/types.js";
import { createOutput } from "../dist/output/output.js";
import { ProgressDisplay } from "../dist/output/progress-display.js";
import {
  type Progress,
  progressAfter,
  progressLine,
  type SinkProgress,
  timeLeft,
} from "../dist/output/progress.js";
import { formatFields, formatTable } from "../dist/output/table.js";
import { formatBytes, formatCount, formatDuration, formatTime, plural } from "../dist/output/units.js";
import { MemoryStream } from "./support.js";

describe("units", () => {
  it("bytes have three digits and a binary unit", () => {
    const cases: readonly (readonly [number, string])[] = [
      [0, "0 B"],
      [1023, "1023 B"],
      [1024, "1.0 KiB"],
      [1536, "1.5 KiB"],
      [1024 * 1024 - 1, "1.0 MiB"],
      [120 * 1024 * 1024, "120 MiB"],
      [5 * 1024 ** 4, "5.0 TiB"],
    ];
    for (const [bytes, text] of cases) expect(formatBytes(bytes)).to.equal(text);
  });

  it("bytes, as text, are within five percent of what they are", () => {
    const factors: Readonly<Record<string, number>> = {
      B: 1,
      KiB: 1024,
      MiB: 1024 ** 2,
      GiB: 1024 ** 3,
      TiB: 1024 ** 4,
      PiB: 1024 ** 5,
    };
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        const [number = "", unit = ""] = formatBytes(bytes).split(" ");
        expect(Math.abs(Number(number) * (factors[unit] ?? NaN) - bytes)).to.be.at.most(bytes * 0.05);
        expect(Number(number)).to.be.below(1024);
      }),
    );
  });

  it("durations, counts and times read like text", () => {
    expect(
      [400, 9949, 9950, 59_400, 60_000, 200_000, 7_500_000, 273_600_000].map(formatDuration),
    ).to.deep.equal(["0.4 s", "9.9 s", "10 s", "59 s", "1 min", "3 min 20 s", "2 h 5 min", "3 d 4 h"]);
    expect([0, 999, 1000, 1234567].map(formatCount)).to.deep.equal(["0", "999", "1,000", "1,234,567"]);
    expect([plural(1, "file"), plural(2, "file"), plural(2, "entry", "entries")]).to.deep.equal([
      "1 file",
      "2 files",
      "2 entries",
    ]);
    expect(formatTime(new Date(Date.UTC(2026, 10, 24, 5, 59, 1, 999)))).to.equal("2026-11-24 05:59:01 UTC");
  });
});

describe("tables", () => {
  it("line columns up and leave no space at the end", () => {
    const table = formatTable(
      [{ heading: "NAME" }, { heading: "SIZE", align: "right" }, { heading: "NOTE" }],
      [
        ["a", "12 B", ""],
        ["longer", "1.5 KiB", "x"],
      ],
    );
    expect(table).to.equal("NAME       SIZE  NOTE\na          12 B\nlonger  1.5 KiB  x\n");
    expect(
      formatFields([
        ["a", "1"],
        ["longer", ""],
      ]),
    ).to.equal("a       1\nlonger\n");
  });

  it("keep a cell on its line, whatever is in it", () => {
    expect(formatTable([{ heading: "A" }], [["x\ny\u001b[1m"]])).to.equal("A\nx\\u{a}y\\u{1b}[1m\n");
  });
});

/** The progress after these events, one each `step` milliseconds. */
function progressOf(events: readonly EngineEvent[], step = 1000): Progress {
  return events.reduce<Progress>((progress, event, i) => progressAfter(progress, event, i * step), new Map());
}

function nas(progress: Progress): SinkProgress {
  const found = progress.get("nas");
  if (found === undefined) throw new Error("no progress of nas");
  return found;
}

const MiB = 1024 * 1024;
const WORK: EngineEvent = { kind: "work", sink: "nas", objects: 3, bytes: 100 * MiB };
const MOVED: EngineEvent = { kind: "bytes", sink: "nas", bytes: 10 * MiB };

describe("progress", () => {
  it("tells rate and time left", () => {
    const progress = nas(progressOf([WORK, ...Array<EngineEvent>(5).fill(MOVED)]));
    expect(progress.rate).to.be.closeTo(10 * MiB, 1);
    expect(timeLeft(progress)).to.be.closeTo(5000, 1);
    const line = progressLine({ ...progress, step: "transfer" }, 120);
    expect(line).to.equal(
      "nas  transfer  [##########----------]   50%  50.0 MiB of 100 MiB  10.0 MiB/s  5.0 s left",
    );
  });

  it("tells no rate before it was measured, and no time left that nobody knows", () => {
    expect(nas(progressOf([WORK, MOVED], 1)).rate).to.equal(undefined);
    expect(timeLeft(nas(progressOf([MOVED, MOVED])))).to.equal(undefined);
    expect(progressLine(nas(progressOf([MOVED, MOVED])), 120)).to.equal("nas  20.0 MiB  10.0 MiB/s");
  });

  it("keeps sinks apart", () => {
    const progress = progressOf([WORK, { ...MOVED, sink: "other" }, { kind: "step", step: "no sink" }]);
    expect(nas(progress).done).to.equal(0);
    expect([...progress.keys()]).to.deep.equal(["nas", "other"]);
  });

  it("fits any width, and never shows more than all of it", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.array(fc.nat(1000)), fc.nat(1000), (width, moves, bytes) => {
        const events = moves.map((moved): EngineEvent => ({ kind: "bytes", sink: "nas", bytes: moved }));
        const line = progressLine(
          nas(progressOf([{ kind: "work", sink: "nas", objects: 1, bytes }, ...events])),
          width,
        );
        expect(line.length).to.be.at.most(width);
        expect(Number(/(\d+)%/.exec(line)?.[1] ?? 0)).to.be.at.most(100);
      }),
    );
  });
});

describe("progress on a terminal", () => {
  it("is drawn at most ten times a second, and taken off in the end", () => {
    const stream = new MemoryStream(true);
    let now = 0;
    const display = new ProgressDisplay(stream, () => now);
    for (; now < 1000; now += 1) display.observe({ kind: "bytes", sink: "nas", bytes: 1 });
    expect(stream.text.match(/nas/g)?.length).to.equal(10);
    display.end();
    expect(stream.text.endsWith("\u001b[1A\u001b[0J")).to.equal(true);
    const { length } = stream.text;
    display.end();
    expect(stream.text).to.have.length(length);
  });

  it("lets other text come above it, on a terminal that doesn't know its width too", () => {
    const stream = new MemoryStream(true, 0);
    const display = new ProgressDisplay(stream, () => 0);
    display.observe({ kind: "bytes", sink: "nas", bytes: 5 });
    display.around(() => {
      stream.write("warning\n");
    });
    expect(stream.text).to.equal("nas  5 B\n\u001b[1A\u001b[0Jwarning\nnas  5 B\n");
  });
});

describe("output", () => {
  const flags = { json: false, verbose: false, quiet: false };

  function observe(
    tty: boolean,
    env: Readonly<Record<string, string>> = {},
    more: Partial<typeof flags> = {},
  ): string {
    const stderr = new MemoryStream(tty);
    const output = createOutput({ ...flags, ...more }, DEFAULT_LOG, {
      stdout: new MemoryStream(),
      stderr,
      env,
    });
    output.observer({ kind: "step", sink: "nas", step: "transfer" });
    output.observer(MOVED);
    output.observer({ kind: "warning", sink: "nas", message: "a file vanished" });
    output.end();
    return stderr.text;
  }

  it("is progress on a terminal", () => {
    expect(observe(true)).to.contain("\u001b[0J").and.contain("warning: nas: a file vanished\n");
  });

  it("is plain lines on a terminal that can't, and with --quiet only what matters", () => {
    expect(observe(true, { TERM: "dumb" })).to.equal("nas: step: transfer\nwarning: nas: a file vanished\n");
    expect(observe(true, {}, { quiet: true })).to.equal("warning: nas: a file vanished\n");
  });

  it("is a JSON object a line elsewhere", () => {
    const lines = observe(false)
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ level, msg, sink }) => ({ level, msg, sink }))).to.deep.equal([
      { level: "info", msg: "step: transfer", sink: "nas" },
      { level: "warn", msg: "a file vanished", sink: "nas" },
    ]);
    expect(new Date(String(lines[0]?.["time"])).getTime()).to.be.closeTo(Date.now(), 60_000);
  });
});
