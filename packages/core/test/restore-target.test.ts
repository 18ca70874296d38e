import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { EngineError, restorePointId } from "../dist/index.js";
import { Target } from "../dist/restore/target.js";

const id = restorePointId("20261124T055901.123Z");

describe("the target of a restore", () => {
  let folder: string;
  let target: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "axon-backup-target-"));
    target = join(folder, "target");
    mkdirSync(target);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  async function expectRefused(what: string): Promise<void> {
    const error: unknown = await Target.claim(target, id).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(EngineError).with.property("kind", "usage");
    expect((error as EngineError).message).to.include(what);
  }

  it("is not empty with a link in the place of the working directory, and nothing behind the link is touched", async () => {
    const precious = join(folder, "precious");
    mkdirSync(precious);
    writeFileSync(join(precious, "gold"), "gold");
    symlinkSync(precious, join(target, ".axon-backup-restore"));
    await expectRefused(".axon-backup-restore");
    expect(readFileSync(join(precious, "gold"), "utf8")).to.equal("gold");
  });

  it("is not empty with a directory of that name that isn't one of ours, and that stays", async () => {
    mkdirSync(join(target, ".axon-backup-restore"));
    writeFileSync(join(target, ".axon-backup-restore/mine"), "mine");
    writeFileSync(join(target, "other"), "");
    await expectRefused(".axon-backup-restore");
    expect(existsSync(join(target, ".axon-backup-restore/mine"))).to.be.true;
  });

  for (const name of ["realpath", "lstat"] as const)
    it(`is another restore's that makes it just after this one's ${name}`, async () => {
      rmSync(target, { recursive: true });
      const original = fs.promises[name] as (path: string) => Promise<unknown>;
      let isMade = false;
      const late = async (path: string): Promise<unknown> => {
        try {
          return await original(path);
        } finally {
          if (path === target && !isMade) {
            isMade = true;
            mkdirSync(target);
          }
        }
      };
      Reflect.set(fs.promises, name, late);
      syncBuiltinESMExports();
      try {
        const error: unknown = await Target.claim(target, id).catch((reason: unknown) => reason);
        expect(error).to.be.instanceOf(EngineError).with.property("kind", "locked");
      } finally {
        Reflect.set(fs.promises, name, original);
        syncBuiltinESMExports();
      }
    });

  it("must not be inside of a backup", async () => {
    writeFileSync(join(folder, "repository.json"), '{"axon-backup":"repository","sha256":"…",');
    await expectRefused("a backup itself");
  });

  it("must not be inside of a backup that a link leads to, nor be made there", async () => {
    mkdirSync(join(folder, "sink/sub"), { recursive: true });
    writeFileSync(join(folder, "sink/repository.json"), '{"axon-backup":"repository","sha256":"…",');
    symlinkSync(join(folder, "sink/sub"), join(folder, "link"));
    for (target of [join(folder, "link"), join(folder, "link/new")]) await expectRefused("a backup itself");
    expect(readdirSync(join(folder, "sink/sub"))).to.deep.equal([]);
  });

  it("may be empty but for what a restore left that died before it had begun", async () => {
    mkdirSync(join(target, ".axon-backup-restore-1/tree"), { recursive: true });
    writeFileSync(join(target, ".axon-backup-restore-1/journal.json.new"), "{");
    const claimed = await Target.claim(target, id);
    expect(existsSync(join(target, ".axon-backup-restore-1"))).to.be.false;
    await claimed.discard();
  });

  it("is refused when it is a link that leads nowhere", async () => {
    target = join(folder, "dangling");
    symlinkSync(join(folder, "nowhere"), target);
    await expectRefused("leads nowhere");
  });
});
