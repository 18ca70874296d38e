import { Secret, type Sink } from "@axon-backup/sink";
import { describeSink } from "@axon-backup/sink-testkit";
import { type AzureOptions, plugin } from "@axon-backup/sink-azure";
import { type AzuriteServer, startAzurite } from "@axon-backup/test-servers";
import { type HttpProxy, startHttpProxy } from "./http-proxy.js";
import { login, missingServer, sas, through } from "./support.js";

const missing = await missingServer();
const CONTAINER = "contract";

contract("azure", (server) => login(server), {});
contract(
  "azure in blocks of 64 KiB, with a SAS, below a prefix, in pages of 100",
  (server, proxy) => ({
    sas_token: new Secret(sas(server, CONTAINER)),
    endpoint: through(server, proxy.port),
    prefix: "axon/backup",
    block_size: 65_536,
  }),
  {},
);

function contract(
  name: string,
  options: (server: AzuriteServer, proxy: HttpProxy) => Partial<AzureOptions>,
  skip: Readonly<Record<string, string>>,
): void {
  if (missing !== undefined) {
    describe(`${name} keeps the sink contract`, () => {
      it(`(skipped: ${missing})`);
    });
    return;
  }
  let servers: readonly [AzuriteServer, HttpProxy] | undefined;
  const open = (): Promise<Sink> => {
    if (!servers) throw new Error("the server doesn't run");
    return plugin.open({ ...options(...servers), container: CONTAINER }, { name: "test", purpose: "write" });
  };
  describeSink(name, {
    open: async () => {
      const server = await startAzurite();
      const { host, port } = server;
      // A SAS signs no parameters of a request: the proxy may change how many names a page has.
      const proxy = await startHttpProxy(
        ({ url }) => ({ goOn: { url: url.replace("maxresults=5000", "maxresults=100") } }),
        { host, port },
      );
      servers = [server, proxy];
      await server.createContainer(CONTAINER);
      return open();
    },
    reopen: open,
    teardown: async () => {
      await servers?.[1].close();
      await servers?.[0].close();
    },
    skip: {
      removeLeftovers:
        "the service removes blocks of broken uploads itself, and offers no harmless way to do it earlier",
      freeBytes: "the service doesn't tell",
      ...skip,
    },
    pageObjects: 250,
  });
}
