import { CONTRACT_VERSION, type OpenContext, type Sink, type SinkPlugin } from "@axon-backup/sink";
import { AzureSink } from "./azure-sink.js";
import { connect } from "./connect.js";
import { listPrefix } from "./names.js";
import { type AzureOptions, optionsSchema } from "./options.js";
import { abortBy } from "./put.js";
import { settings } from "./settings.js";
import { Store } from "./store.js";

export const plugin: SinkPlugin<AzureOptions> = {
  contract: CONTRACT_VERSION,
  type: "azure",
  description: "Azure Blob Storage",
  connections: 8,
  optionsSchema,
  open,
};

async function open(options: AzureOptions, { purpose, signal, log }: OpenContext): Promise<Sink> {
  signal?.throwIfAborted();
  const wanted = settings(options);
  const { container, redact } = await connect(wanted, purpose);
  const url = new URL(container.url);
  if (url.protocol === "http:" && !/^(127\.|localhost$|\[::1\]$)/.test(url.hostname))
    log?.(
      "warn",
      "the endpoint is http://: bytes, and a SAS if there is one, go over the network in clear text",
      { endpoint: url.origin },
    );
  const store = new Store(
    container,
    `${url.origin}${url.pathname}/${wanted.prefix}`,
    wanted.prefix,
    wanted.tiers,
    wanted.blockSize,
    redact,
  );
  // The smallest request that every kind of login may make, and that shows whether account, login and container are right.
  const pages = container
    .listBlobsFlat({ prefix: listPrefix(wanted.prefix, ""), ...abortBy(signal) })
    .byPage({ maxPageSize: 1 });
  await store.attempt("list", "", signal, () => pages.next());
  log?.("info", "opened the container", { container: store.name });
  return new AzureSink(store);
}
