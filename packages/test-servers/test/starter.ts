// Run by servers.test.ts: starts a server, tells where, and stays until it is killed.
import { startSshd } from "@axon-backup/test-servers";

const { port, root } = await startSshd();
process.stdout.write(JSON.stringify({ port, root }));
setInterval(() => undefined, 1000);
