import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, readdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import {
  canChroot,
  findServer,
  pendingWithoutServer,
  startAzurite,
  startSshd,
  startVersityGw,
} from "@axon-backup/test-servers";

const run = promisify(execFile);

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

describe("the servers for tests", function () {
  this.timeout(60_000);

  it("versitygw: makes buckets, refuses strangers, and is gone after close", async function () {
    await pendingWithoutServer(this, "versitygw");
    const server = await startVersityGw();
    try {
      await server.createBucket("plain");
      await server.createBucket("versioned", { versioning: true });
      await server.createBucket("locked", { objectLock: true });
      if (server.root !== undefined)
        expect(await readdir(server.root)).to.include.members(["plain", "versioned", "locked"]);
      expect((await fetch(`${server.endpoint}/plain`)).status).to.equal(403);
    } finally {
      await server.close();
      await server.close();
    }
    if (server.root === undefined) return;
    expect(await listens(server.port)).to.be.false;
    expect(await exists(server.root)).to.be.false;
  });

  it("azurite: makes containers, refuses strangers, and is gone after close", async function () {
    await pendingWithoutServer(this, "azurite");
    const server = await startAzurite();
    try {
      await server.createContainer("backups");
      const url = `${server.blobEndpoint}/backups?restype=container&comp=list`;
      expect((await fetch(url)).status).to.be.oneOf([401, 403, 404]);
    } finally {
      await server.close();
    }
    expect(await listens(server.port)).to.be.false;
  });

  it("versitygw, azurite, sshd: are started again where they were, with what they have", async function () {
    for (const kind of ["versitygw", "azurite", "sshd"] as const) await pendingWithoutServer(this, kind);
    const [s3, azure, sftp] = await Promise.all([startVersityGw(), startAzurite(), startSshd()]);
    try {
      await s3.createBucket("kept");
      await azure.createContainer("kept");
      await writeFile(join(sftp.root, "kept"), "here");
      await Promise.all([s3.restart?.(), azure.restart(), sftp.restart()]);
      for (const { port } of [s3, azure, sftp]) expect(await listens(port)).to.be.true;
      for (const create of [() => s3.createBucket("kept"), () => azure.createContainer("kept")])
        expect(await create().catch((error: unknown) => String(error))).to.match(/can't create.* 409 /);
      expect(await exists(join(sftp.root, "kept"))).to.be.true;
    } finally {
      await Promise.all([s3, azure, sftp].map((server) => server.close()));
    }
    expect(await exists(azure.directory)).to.be.false;
    expect(await exists(sftp.root)).to.be.false;
  });

  for (const chroot of canChroot ? [false, true] : [false])
    it(`sshd: takes the key, shows its host key${chroot ? ", in a chroot" : ""}, and is gone after close`, async function () {
      await pendingWithoutServer(this, "sshd");
      const server = await startSshd({ chroot });
      try {
        const batch = join(server.root, "..", "batch");
        await writeFile(batch, "pwd\nmkdir made\n");
        const { stdout } = await run("sftp", [
          ...["-b", batch, "-P", String(server.port), "-i", server.clientKey, "-o", "IdentitiesOnly=yes"],
          ...["-o", `UserKnownHostsFile=${server.knownHostsFile}`, "-o", "StrictHostKeyChecking=yes"],
          `${server.user}@${server.host}`,
        ]);
        expect(stdout).to.include(`Remote working directory: ${server.path}\n`);
        expect(await readdir(server.root)).to.deep.equal(["made"]);
        expect(server.hostKeys.map(({ fingerprint }) => fingerprint)[0]).to.equal(server.hostKey);
        expect(server.hostKey).to.match(/^SHA256:/);
      } finally {
        await server.close();
      }
      expect(await listens(server.port)).to.be.false;
      expect(await exists(server.root)).to.be.false;
    });

  it("end, folders and all, when the process that started them is killed", async function () {
    await pendingWithoutServer(this, "sshd");
    const script = fileURLToPath(new URL("./starter.js", import.meta.url));
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const { port, root } = JSON.parse(line.toString()) as { port: number; root: string };
    expect(await listens(port)).to.be.true;
    child.kill("SIGKILL");
    while ((await listens(port)) || (await exists(root))) await new Promise((next) => setTimeout(next, 10));
  });

  describe("that are missing", () => {
    const before = { ...process.env };
    beforeEach(() => {
      process.env["PATH"] = "/nonexistent";
    });
    afterEach(() => {
      for (const name of ["PATH", "CI"]) {
        if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = before[name];
      }
    });

    it("are told of, with a remedy", async () => {
      const found = await findServer("sshd");
      expect(found).to.deep.include({ available: false, reason: "there is no ssh-keygen" });
      expect(found).to.have.property("remedy").that.includes("install-test-servers");
    });

    it("make tests pending, with the reason in their titles; with CI set they are failures", async () => {
      const test = { title: "a test" };
      let skipped = 0;
      const context = {
        test,
        skip: (): never => {
          skipped++;
          throw new Error("skipped");
        },
      };
      process.env["CI"] = "";
      const outcome = (): Promise<unknown> =>
        pendingWithoutServer(context, "sshd").catch((error: unknown) => error);
      expect(String(await outcome())).to.equal("Error: skipped");
      expect(test.title).to.match(/^a test \(skipped: there is no ssh-keygen; Run node scripts/);
      process.env["CI"] = "1";
      expect(String(await outcome())).to.include("tests with sshd can't run: there is no ssh-keygen");
      expect(skipped).to.equal(1);
    });
  });
});
