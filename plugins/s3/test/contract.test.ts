import { describeSink } from "@axon-backup/sink-testkit";
import type { S3Options } from "@axon-backup/sink-s3";
import { newBucket, open, server } from "./support.js";

const skip = { freeBytes: "S3 has no request for it" };

describe("a bucket", () => {
  const started = server();
  let options: S3Options;

  describeSink("s3", {
    open: async () => open((options = { ...(await newBucket(started())), leftovers_after: 24 })),
    reopen: () => open(options),
    skip,
  });
});
