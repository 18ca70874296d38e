import type { EngineEvent } from "@axon-backup/core";
import { expect } from "chai";
import fc from "fast-check";
import { ProgressDisplay } from "../dist/output/progress-display.js";
import { progressLine } from "../dist/output/progress-line.js";
import { type Progress, progressAfter, type SinkProgress, timeLeft } from "../dist/output/progress.js";
import { MemoryStream } from "./support.js";

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

describe("the progress line", () => {
  const long = "offsite-archive-in-another-town-eu-west-1";
  /** As wide as it gets: 23 h 59 min to go, at four digits of KiB. */
  const widest: SinkProgress = {
    sink: long,
    step: "transfer",
    done: 1020 * MiB,
    total: 1020 * MiB + 1020.4 * 1024 * 86_390,
    rate: 1020.4 * 1024,
    measured: undefined,
    finished: false,
  };
  const whole: SinkProgress = { ...widest, sink: "nas", done: 50 * MiB, total: 100 * MiB, rate: 10 * MiB };

  const expected: readonly (readonly [width: number, ofNas: string, widest: string])[] = [
    [20, " 50%  5.0 s left", "1%"],
    [39, "nas   50%  10.0 MiB/s  5.0 s left", "of…    1%  1020 KiB/s  23 h 59 min left"],
    [40, "nas   50%  10.0 MiB/s  5.0 s left", "off…    1%  1020 KiB/s  23 h 59 min left"],
    [
      80,
      "nas  transfer   50%  50.0 MiB of 100 MiB  10.0 MiB/s  5.0 s left",
      "offsite-arc…  transfer    1%  1020 MiB of 85.1 GiB  1020 KiB/s  23 h 59 min left",
    ],
    [
      200,
      "nas  transfer  [##########----------]   50%  50.0 MiB of 100 MiB  10.0 MiB/s  5.0 s left",
      `${long}  transfer  [--------------------]    1%  1020 MiB of 85.1 GiB  1020 KiB/s  23 h 59 min left`,
    ],
  ];
  for (const [width, ofNas, ofWidest] of expected)
    it(`says at ${width} columns what fits there`, () => {
      expect([progressLine(whole, width), progressLine(widest, width)]).to.deep.equal([ofNas, ofWidest]);
    });

  it("keeps share, rate and time left from 39 characters on, whatever is sent to whom", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 39, max: 200 }),
        fc.string({ minLength: 1, maxLength: 80 }),
        fc.constantFrom("", "transfer"),
        fc.integer({ min: 0, max: 2 ** 50 }),
        fc.integer({ min: 1, max: 2 ** 50 }),
        fc.integer({ min: 1, max: 99 * 24 * 3600 }),
        (width, sink, step, done, left, seconds) => {
          const state = { sink, step, done, total: done + left, rate: left / seconds };
          const progress = { ...state, measured: undefined, finished: false };
          const line = progressLine(progress, width);
          expect(line).to.match(/\d% {2}(.* {2})?\S+ \S+\/s( {2}|$)/);
          if (timeLeft(progress) !== undefined) expect(line).to.match(/ left$/);
        },
      ),
    );
  });

  for (const width of [20, 40, 80, 200])
    it(`is never longer than ${width} columns, in any state`, () => {
      const number = fc.double({ min: 0, max: 1e15, noNaN: true });
      fc.assert(
        fc.property(
          fc.record({
            sink: fc.oneof(fc.string(), fc.string({ unit: "grapheme", maxLength: 80 })),
            step: fc.constantFrom("", "control DB", "restore point", "transfer"),
            done: number,
            total: fc.oneof(fc.constant(0), number),
            rate: fc.option(number, { nil: undefined }),
          }),
          (state) => {
            const line = progressLine({ ...state, measured: undefined, finished: false }, width);
            expect(line.length).to.be.at.most(width);
            expect(line).to.match(/^\P{Cc}*$/u);
          },
        ),
      );
    });
});

describe("bytes of an attempt that failed", () => {
  const BACK: EngineEvent = { kind: "bytes", sink: "nas", bytes: -30 * MiB };

  it("are taken back, so that the second attempt ends at all of it and not beyond", () => {
    const attempt = Array<EngineEvent>(10).fill(MOVED);
    const events = [WORK, ...attempt.slice(0, 3), BACK];
    expect(nas(progressOf(events)).done).to.equal(0);
    expect(nas(progressOf([...events, ...attempt])).done).to.equal(100 * MiB);
  });

  it("count for the rate, which doesn't jump, and for no share of the work", () => {
    const before = nas(progressOf([WORK, MOVED, MOVED, MOVED]));
    const after = nas(progressOf([WORK, MOVED, MOVED, MOVED, BACK]));
    expect(after.rate).to.equal(before.rate);
    const next = nas(progressOf([WORK, MOVED, MOVED, MOVED, BACK, MOVED]));
    expect(next.rate).to.be.within(5 * MiB, 10 * MiB);
    expect(progressLine(next, 200)).to.contain(" 10%  10.0 MiB of 100 MiB");
  });
});

describe("progress on a terminal", () => {
  it("is narrower than the terminal, which a full line would make wrap, and tells what counts at 40 columns", () => {
    for (const columns of [20, 40, 80, 200]) {
      const stream = new MemoryStream(true, columns);
      let now = 0;
      const display = new ProgressDisplay(stream, () => (now += 1000));
      const sink = "offsite-archive-in-another-town";
      display.observe({ kind: "step", sink, step: "transfer" });
      display.observe({ kind: "work", sink, objects: 9, bytes: 1000 * MiB });
      for (let moves = 0; moves < 20; moves++) display.observe({ kind: "bytes", sink, bytes: MiB });
      const lines = stream.text.split("\n").map((line) => line.split("\u001b[0J").at(-1) ?? "");
      for (const line of lines) expect(line.length).to.be.below(columns);
      if (columns >= 40) expect(lines.at(-2)).to.match(/^off\S* .* 2% .*KiB\/s {2}\d.* left$/);
    }
  });

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
