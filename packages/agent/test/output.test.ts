import type { EngineEvent } from "@axon-backup/core";
import { expect } from "chai";
import fc from "fast-check";
import { DEFAULT_LOG } from "../dist/config/types.js";
import { createOutput } from "../dist/output/output.js";
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
    expect(formatTime(new Date(9 * 10 ** 15)), "beyond every calendar").to.equal("an unknown time");
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

const MOVED: EngineEvent = { kind: "bytes", sink: "nas", bytes: 10 * 1024 * 1024 };

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
