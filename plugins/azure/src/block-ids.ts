import { randomBytes } from "node:crypto";
import { SinkError } from "@axon-backup/sink";

/** Bytes of an ID that count the blocks of one put: 2^24 of them, of which Azure takes 100,000. */
const COUNTER_BYTES = 3;
/** Random bytes that two puts at once at least differ in. */
const RANDOM_BYTES = 8;
/** What an ID has if nothing says otherwise. 16 characters in Base64: the list of all is sent with every commit. */
const ID_BYTES = 12;

/** IDs of the blocks of one put: no other put, of this process or another, makes the same. */
export class BlockIds {
  readonly #prefix: Buffer;
  #count = 0;

  /**
   * @param like an ID of a block that the blob has already: all IDs of a blob have one length (https://learn.microsoft.com/rest/api/storageservices/put-block)
   * @throws SinkError `invalid` when there is no room for unique IDs of that length
   */
  constructor(like?: string) {
    const length = like === undefined ? ID_BYTES : Buffer.from(like, "base64").byteLength;
    if (length < RANDOM_BYTES + COUNTER_BYTES)
      throw new SinkError(
        "invalid",
        `another program made the blob's blocks, with IDs of ${length} bytes: too short for this one's`,
        { remedy: "Delete the blob, or copy it with azcopy, which makes longer ones." },
      );
    this.#prefix = randomBytes(length - COUNTER_BYTES);
  }

  /** The next ID, in Base64. */
  next(): string {
    const counter = Buffer.alloc(COUNTER_BYTES);
    counter.writeUIntBE(this.#count++, 0, COUNTER_BYTES);
    return Buffer.concat([this.#prefix, counter]).toString("base64");
  }
}
