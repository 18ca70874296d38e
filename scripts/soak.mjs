// `npm run soak -- --minutes 60`: sets the checkout up if need be, then lets the service work for that long with faults. `npm run soak -- --help` tells more.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { root, setup } from "./setup.mjs";

setup();
const child = spawn(process.execPath, [join(root, "test/dist/soak/main.js"), ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});
// A terminal tells the child as well; it cleans up, and ends.
for (const signal of ["SIGINT", "SIGTERM"])
  process.on(signal, () => {
    child.kill(signal);
  });
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
