import { AxonServerError } from "@axon-backup/axon-server";
import { EngineError, restorePointId, type SinkReport } from "@axon-backup/core";
import { SinkError } from "@axon-backup/sink";
import { expect } from "chai";
import { ConfigurationError } from "../dist/config/problem.js";
import { describeError } from "../dist/errors/describe-error.js";
import { exitCodeOf, exitCodeOfBackup, exitCodeOfSinks } from "../dist/errors/exit-code-of.js";
import { Interrupted } from "../dist/errors/interrupted.js";
import { UsageError } from "../dist/errors/usage-error.js";
import { EXIT_CODES } from "../dist/exit-codes.js";
import { errorText } from "../dist/output/report-error.js";
import { SecretError } from "../dist/secrets/secret-error.js";

describe("exit codes", () => {
  it("are the ones that scripts rely on", () => {
    expect(EXIT_CODES).to.deep.equal({
      ok: 0,
      failed: 1,
      usage: 2,
      configuration: 3,
      partial: 4,
      damage: 5,
      locked: 6,
      diverged: 7,
      interrupted: 130,
    });
  });

  it("follow from errors", () => {
    const engine = (kind: EngineError["kind"]) => new EngineError(kind, "m", "r");
    const cases: readonly (readonly [unknown, number])[] = [
      [new UsageError("m", "r"), 2],
      [new ConfigurationError([]), 3],
      [new SecretError("m", "r"), 3],
      [new AxonServerError("configuration", "m", "r"), 3],
      [new AxonServerError("forbidden", "m", "r"), 1],
      [engine("usage"), 2],
      [engine("failed"), 1],
      [engine("damage"), 5],
      [engine("locked"), 6],
      [engine("diverged"), 7],
      [new SinkError("full", "m"), 1],
      [new Interrupted("SIGTERM"), 130],
      [new TypeError("a bug"), 1],
      ["thrown text", 1],
    ];
    for (const [error, code] of cases) expect(exitCodeOf(error), String(error)).to.equal(code);
  });

  it("of several sinks: ok, partial, the common reason, or failed", () => {
    const diverged = new EngineError("diverged", "m", "r");
    const locked = new EngineError("locked", "m", "r");
    expect(exitCodeOfSinks([undefined, undefined])).to.equal(0);
    expect(exitCodeOfSinks([undefined, diverged])).to.equal(4);
    expect(exitCodeOfSinks([diverged, diverged])).to.equal(7);
    expect(exitCodeOfSinks([locked])).to.equal(6);
    expect(exitCodeOfSinks([locked, diverged])).to.equal(1);
    expect(exitCodeOfSinks([undefined, new Interrupted("SIGINT")])).to.equal(130);
  });

  it("of a backup: that a history diverged is told once, so it comes before what the next run says again", () => {
    const committed = (...timelines: readonly number[]): SinkReport => ({
      sink: "nas",
      outcome: "committed",
      restorePoint: restorePointId("20261124T055901.123Z"),
      contexts: [],
      timelines: timelines.map((timeline) => ({
        context: "default",
        timeline,
        from: null,
        reason: "",
        resumed: false,
      })),
      sent: { objects: 0, bytes: 0 },
      warnings: [],
    });
    const failed: SinkReport = {
      sink: "offsite",
      outcome: "failed",
      error: new SinkError("full", "m"),
      warnings: [],
    };
    expect(exitCodeOfBackup({ sinks: [committed(), committed()] })).to.equal(0);
    expect(exitCodeOfBackup({ sinks: [committed(), failed] })).to.equal(4);
    expect(exitCodeOfBackup({ sinks: [failed] })).to.equal(1);
    expect(exitCodeOfBackup({ sinks: [committed(), committed(1)] })).to.equal(7);
    expect(exitCodeOfBackup({ sinks: [committed(1), failed] })).to.equal(7);
  });
});

describe("errors for people", () => {
  it("say what failed, why, and what to do", () => {
    const cause = new Error("put a/b: no space", { cause: new Error("ENOSPC: no space left on device") });
    const text = errorText(
      describeError(new EngineError("failed", "the backup failed", "Make room.", cause)),
      false,
    );
    expect(text).to.equal(
      "axon-backup: the backup failed\n  because: put a/b: no space\n  because: ENOSPC: no space left on device\n  → Make room.\n",
    );
  });

  it("say once what the system says, also when they say it in words", () => {
    const system = Object.assign(new Error("EACCES: permission denied, open '/nas/x'"), {
      code: "EACCES",
      syscall: "open",
    });
    const error = new SinkError("denied", "can't write /nas/x: permission denied (EACCES)", {
      cause: system,
    });
    expect(describeError(error).causes).to.deep.equal([]);
    expect(describeError(new Error("outer", { cause: error })).causes).to.deep.equal([error.message]);
    expect(describeError(new Error("outer", { cause: system })).causes).to.deep.equal([system.message]);
  });

  it("take the remedy from the nearest cause that has one, and name the sink", () => {
    const error = new Error("outer", { cause: new SinkError("full", "inner", { remedy: "Make room." }) });
    expect(errorText(describeError(error), false, "nas"))
      .to.contain("axon-backup: sink nas: outer\n")
      .and.contain("→ Make room.");
  });

  it("have a stack trace only when nobody foresaw them, and with --verbose", () => {
    const bug = describeError(new TypeError("x is undefined"));
    expect(errorText(bug, false)).not.to.contain("exit-codes.test.js");
    expect(errorText(bug, true)).to.contain("exit-codes.test.js");
    const foreseen = describeError(new SinkError("denied", "no access"));
    expect(errorText(foreseen, true)).to.equal("axon-backup: no access\n");
  });

  it("list every address of a connection that failed at several", () => {
    const cause = new AggregateError([
      new Error("connect ECONNREFUSED ::1:8024"),
      new Error("connect ECONNREFUSED 127.0.0.1:8024"),
    ]);
    expect(describeError(new Error("can't connect", { cause })).causes).to.deep.equal([
      "connect ECONNREFUSED ::1:8024; connect ECONNREFUSED 127.0.0.1:8024",
    ]);
  });

  it("can't steer the terminal", () => {
    expect(errorText(describeError(new SinkError("invalid", "a\u001b[2Jb\u202ec")), false)).to.equal(
      "axon-backup: a\\u{1b}[2Jb\\u{202e}c\n",
    );
  });
});
