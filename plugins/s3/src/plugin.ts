import { CONTRACT_VERSION, type SinkPlugin } from "@axon-backup/sink";
import type { S3Options } from "./options.js";
import { optionsSchema } from "./schema.js";

export const plugin: SinkPlugin<S3Options> = {
  contract: CONTRACT_VERSION,
  type: "s3",
  description: "Amazon S3 and compatible object stores",
  connections: 12,
  optionsSchema,
  open: async (options, context) => {
    // The SDK takes a while to load: only those pay for it who have such a sink.
    const { openSink } = await import("./open.js");
    return openSink(options, context);
  },
};
