import { CONTRACT_VERSION, type OpenContext, type Sink, SinkError, type SinkPlugin } from "@axon-backup/sink";
import { Connection } from "./connection.js";
import { optionsSchema, type WebDavOptions } from "./options.js";
import { describe, freeBytes } from "./propfind.js";
import { WebDavSink } from "./webdav-sink.js";

export const plugin: SinkPlugin<WebDavOptions> = {
  contract: CONTRACT_VERSION,
  type: "webdav",
  description: "WebDAV servers",
  connections: 8,
  optionsSchema,
  open,
};

async function open(options: WebDavOptions, { purpose, signal, log }: OpenContext): Promise<Sink> {
  const connection = new Connection(options);
  try {
    const root = connection.url("");
    let found = await describe(connection, root, signal);
    if (found === undefined) {
      if (purpose === "read")
        throw new SinkError("not-found", `${root} doesn't exist`, { remedy: "Correct url." });
      await connection.send("MKCOL", root, { accept: [201], signal });
      log?.("info", "created the sink's collection", { url: root });
      found = await describe(connection, root, signal);
    }
    if (found?.collection !== true)
      throw new SinkError("invalid", `${root} is a file`, { remedy: "Name a collection (a folder) in url." });
    const free = await freeBytes(connection, root, signal);
    return new WebDavSink(connection, free !== undefined);
  } catch (error) {
    await connection.close();
    throw error;
  }
}
