import type { S3Client } from "@aws-sdk/client-s3";

/** Whatever the SDK's middleware hands on from one to the next: each adds to it. */
interface Args {
  readonly input: object;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The signals of requests that are sent without options. The SDK makes the way through its middleware anew for each request with options, a signal among them: some 10 KiB of
 * objects that stay until a full collection of garbage, and a tenth of a request's processor time. Without options, it is made once for each kind of request (`cacheMiddleware`).
 */
export class RequestSignals {
  readonly #signals = new WeakMap<object, AbortSignal>();

  constructor(client: S3Client) {
    client.middlewareStack.add(
      (next) => (args) => next(Object.assign({}, args, { signal: this.#signals.get(args.input) })),
      { step: "initialize", priority: "high", name: "axonBackupSignal" },
    );
    // The innermost one: in the place of the SDK's own last step, which does the same with the options.
    client.middlewareStack.add(
      (next) => (args) => {
        const { signal } = args as Args;
        if (signal === undefined) return next(args);
        return client.config.requestHandler.handle(
          args.request as Parameters<typeof client.config.requestHandler.handle>[0],
          { abortSignal: signal },
        );
      },
      { step: "deserialize", priority: "low", name: "axonBackupSend" },
    );
  }

  /** Aborts the request of this command, to be sent without options, with the signal. */
  set(command: { readonly input: object }, signal: AbortSignal | undefined): void {
    if (signal !== undefined) this.#signals.set(command.input, signal);
  }
}
