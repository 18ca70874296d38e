import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { bytesSource } from "@axon-backup/sink";
import { refuses, run, serverForTests } from "./support-open.js";
import { key, open } from "./support.js";

describe("opening an SFTP sink tells directories apart:", function () {
  this.timeout(30_000);
  const at = serverForTests();

  it("one whose parent isn't there", () =>
    refuses(open(at.server, { path: `${at.server.path}/a/b` }), "invalid", "neither does", "Mount"));

  it("one that isn't there, to read", () =>
    refuses(
      open(at.server, { path: `${at.server.path}/absent` }, "read"),
      "not-found",
      "doesn't exist on the server",
      "path",
    ));

  it("a file", async () => {
    await writeFile(join(at.server.root, "file"), "");
    await refuses(
      open(at.server, { path: `${at.server.path}/file` }),
      "invalid",
      "not a directory",
      "directory",
    );
  });

  it("one that the user may not write", async () => {
    const path = join(at.server.root, "sealed");
    await mkdir(path);
    await chmod(path, 0o555);
    await refuses(open(at.server, { path }), "denied", "can't create .*permission denied", "write access");
    await (await open(at.server, { path }, "read")).close();
  });

  it("and finds a relative one, with modes as they were asked for", async () => {
    const sink = await open(at.server, { path: "~/relative/", file_mode: "0640", dir_mode: "0750" });
    await sink.put(key, bytesSource("abc"));
    await sink.close();
    const { stdout } = await run("find", [join(at.server.root, "relative"), "-printf", "%y%m\\n"]);
    expect([...new Set(stdout.trim().split("\n"))]).to.have.members(["d750", "f640"]);
  });
});
