import { hostname } from "node:os";
import { inject, injectable } from "tsyringe";
import { CONFIGURATION, OUTPUT, SECRETS, SIGNAL } from "../composition/tokens.js";
import type { NotificationChannel } from "../config/notifications-types.js";
import { ConfigurationError } from "../config/problem.js";
import { nearest } from "../config/suggest.js";
import type { Configuration } from "../config/types.js";
import { UsageError } from "../errors/usage-error.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import type { SecretContext } from "../secrets/resolve.js";
import { tryChannel } from "../service/notifications/try-channel.js";
import { testNotificationsJson, testNotificationsText } from "../views/test-notifications.js";

/** `axon-backup test-notifications`: does each channel work? */
@injectable()
export class TestNotificationsCommand {
  constructor(
    @inject(CONFIGURATION) private readonly configuration: Configuration,
    @inject(SECRETS) private readonly secrets: SecretContext,
    @inject(OUTPUT) private readonly output: Output,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  /** @param names of channels; all, without any */
  async run(names: readonly string[]): Promise<ExitCode> {
    const channels = this.#select(names);
    // None waits for another that doesn't answer.
    const results = await Promise.all(
      channels.map((channel) => tryChannel(channel, this.secrets, hostname(), this.signal)),
    );
    this.output.result({ json: testNotificationsJson(results), text: testNotificationsText(results) });
    return results.every(({ error }) => error === undefined) ? EXIT_CODES.ok : EXIT_CODES.failed;
  }

  /** Names the channels. */
  list(): ExitCode {
    const channels = this.configuration.notifications.map(({ name }) => name);
    this.output.result({ json: { channels }, text: channels.map((name) => `${name}\n`).join("") });
    return EXIT_CODES.ok;
  }

  #select(names: readonly string[]): readonly NotificationChannel[] {
    const { notifications, directory } = this.configuration;
    if (notifications.length === 0)
      throw new ConfigurationError(
        [{ file: `${directory}/agent.yaml`, key: "notifications", message: "there is no channel" }],
        "Add one; its shortest form is: notifications: [{command: {run: [/path/to/program]}}]",
      );
    const known = notifications.map(({ name }) => name);
    for (const name of names)
      if (!known.includes(name)) {
        const near = nearest(name, known);
        throw new UsageError(
          `there is no channel ${JSON.stringify(name)}${near === undefined ? "" : `; did you mean ${near}?`}`,
          `There ${known.length === 1 ? "is" : "are"}: ${known.join(", ")}.`,
        );
      }
    return notifications.filter(({ name }) => names.length === 0 || names.includes(name));
  }
}
