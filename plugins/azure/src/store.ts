import type { BlockBlobClient, ContainerClient } from "@azure/storage-blob";
import type { ObjectKey, ObjectKind } from "@axon-backup/sink";
import { blobName } from "./names.js";
import type { Tier, Tiers } from "./options.js";
import { sinkError } from "./errors.js";
import type { Redact } from "./redact.js";
import { Spare } from "./spare.js";

/** What the calls of one sink work with. */
export class Store {
  readonly spare = new Spare();

  /** @param name container and prefix, for messages: without what is secret in a URL */
  constructor(
    readonly container: ContainerClient,
    readonly name: string,
    readonly prefix: string,
    readonly tiers: Tiers,
    readonly blockSize: number | undefined,
    readonly redact: Redact,
  ) {}

  blob(key: ObjectKey): BlockBlobClient {
    return this.container.getBlockBlobClient(blobName(this.prefix, key));
  }

  /** `tier` for the SDK, or nothing: then the account's default holds. */
  tier(kind: ObjectKind | undefined): { readonly tier?: string } {
    const tier = kind === undefined ? undefined : this.tiers[kind];
    return tier === undefined ? {} : { tier: SDK_TIERS[tier] };
  }

  /**
   * Waits for a call of the SDK and turns its error into a SinkError, or into the signal's reason when that is aborted.
   * @param action what is done, as "read"
   */
  async attempt<T>(
    action: string,
    key: string,
    signal: AbortSignal | undefined,
    call: () => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      throw this.error(error, action, key, signal);
    }
  }

  /** What to throw in place of an error of the SDK. */
  error(error: unknown, action: string, key: string, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted === true) return signal.reason;
    return sinkError(error, `${action} ${this.name}${key}`, this.redact);
  }
}

const SDK_TIERS: Readonly<Record<Tier, string>> = {
  hot: "Hot",
  cool: "Cool",
  cold: "Cold",
  archive: "Archive",
};
