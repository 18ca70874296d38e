import { describeSink, temporaryFiles } from "@axon-backup/sink-testkit";
import { canChroot, findServer, startSshd, type SshdServer } from "@axon-backup/test-servers";
import { open } from "./support.js";

const found = await findServer("sshd");

for (const chroot of [false, true]) {
  const name = `sftp${chroot ? " in a chroot" : ""}`;
  if (!found.available) {
    const fails = (process.env["CI"] ?? "") !== "";
    const text = `${name} keeps the sink contract (skipped: ${found.reason}; ${found.remedy})`;
    if (fails) it(text, () => Promise.reject(new Error(found.reason)));
    else it(text);
  } else if (chroot && !canChroot)
    it(`${name} keeps the sink contract (skipped: a chroot needs root; run the tests as root)`);
  else {
    let server: SshdServer | undefined;
    const get = (): SshdServer => {
      if (server === undefined) throw new Error("the server isn't there");
      return server;
    };
    describeSink(name, {
      open: async () => {
        server = await startSshd({ chroot });
        return open(server);
      },
      reopen: () => open(get()),
      teardown: async () => {
        const left = await temporaryFiles(get().root);
        await get().close();
        if (left.length > 0) throw new Error(`temporary files were left: ${left.join(", ")}`);
      },
      // More than names of a directory are given at once.
      pageObjects: 300,
      skip: { "conditional.ifUnchanged": "SFTP has no step that compares and replaces" },
    });
  }
}
