import "reflect-metadata";
import { EngineError, type NamedSink, type VerifyOptions } from "@axon-backup/core";
import { SinkError } from "@axon-backup/sink";
import { expect } from "chai";
import { BackupCommand } from "../dist/commands/backup.js";
import { VerifyCommand } from "../dist/commands/verify.js";
import { failedReport, fakeContainer, memorySink, NO_DAMAGE } from "./fakes.js";

describe("commands with everything around them replaced", () => {
  const diverged = new EngineError("diverged", "the server's history is another one", "Find out why.");
  const locked = new EngineError("locked", "agent-7 writes to this repository", "Stop one of the two.");

  for (const [errors, code] of [
    [[diverged, diverged], 7],
    [[locked], 6],
    [[locked, diverged], 1],
  ] as const)
    it(`backup: ${errors.map((error) => error.kind).join(" and ")} gives exit code ${code}, and each reason`, async () => {
      const { container, stdout, stderr } = fakeContainer([], {
        backup: () => Promise.resolve(failedReport(errors)),
      });
      expect(await container.resolve(BackupCommand).run({ sinks: [] })).to.equal(code);
      expect(stdout.text).to.contain("sink0: failed\n");
      for (const error of errors) expect(stderr.text).to.contain(error.message).and.contain(error.remedy);
    });

  it("verify reads a sink that can't be written to, and marks nothing there", async () => {
    const seen: VerifyOptions[] = [];
    const sink: NamedSink = {
      name: "nas",
      open: (purpose) =>
        purpose === "read"
          ? Promise.resolve(memorySink())
          : Promise.reject(new SinkError("denied", "read-only file system")),
    };
    const verify = (options: VerifyOptions) => {
      seen.push(options);
      return Promise.resolve(NO_DAMAGE);
    };
    const { container, stderr } = fakeContainer([sink], { verify });
    const request = { sinks: [], restorePoint: undefined, readData: true };
    expect(await container.resolve(VerifyCommand).run(request)).to.equal(0);
    expect(seen.map(({ mark, readData }) => ({ mark, readData }))).to.deep.equal([
      { mark: false, readData: true },
    ]);
    expect(stderr.text).to.contain("can't be written to").and.contain("read-only file system");
  });

  it("verify closes every sink that it opened, when it fails as well", async () => {
    let open = 0;
    const sink: NamedSink = {
      name: "nas",
      open: () => {
        open += 1;
        return Promise.resolve({ ...memorySink(), close: () => Promise.resolve(void (open -= 1)) });
      },
    };
    const damage = new EngineError("damage", "repository.json is damaged", "Use another sink.");
    const { container } = fakeContainer([sink], { verify: () => Promise.reject(damage) });
    const request = { sinks: [], restorePoint: undefined, readData: false };
    expect(await container.resolve(VerifyCommand).run(request)).to.equal(5);
    expect(open).to.equal(0);
  });
});
