import { describeSink } from "@axon-backup/sink-testkit";
import { plugin } from "../dist/index.js";
import { startServer, type WebDavServer } from "./server.js";

let server: WebDavServer;
const open = () => plugin.open({ url: `${server.url}backups` }, { name: "test", purpose: "write" });

describeSink("webdav", {
  open: async () => {
    server = await startServer();
    return open();
  },
  reopen: open,
  teardown: () => server.close(),
  // WebDAV has no pages.
  pageObjects: 50,
  skip: {
    extend: "WebDAV has no way to write into a file that all servers know",
    "conditional.ifAbsent": "servers look whether a file is there and move in two steps",
    "conditional.ifUnchanged": "servers compare the ETag and move in two steps",
  },
});
