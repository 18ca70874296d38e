import { describeError } from "../errors/describe-error.js";
import { printable } from "../output/printable.js";
import { errorJson } from "../output/report-error.js";
import { plural } from "../output/units.js";
import { DeliveryError } from "../service/notifications/senders/sender.js";
import { destinationOf, type TestedChannel } from "../service/notifications/try-channel.js";

export function testNotificationsJson(results: readonly TestedChannel[]): object {
  return {
    ok: results.every(({ error }) => error === undefined),
    channels: results.map(({ channel, error, warning }) => ({
      channel: channel.name,
      kind: channel.target.kind,
      to: destinationOf(channel),
      outcome: error === undefined ? "sent" : "failed",
      warning: warning ?? null,
      ...(error === undefined ? {} : { error: errorJson(describeError(error)), output: outputOf(error) }),
    })),
  };
}

/** A line for each channel, what went wrong below it, and the verdict. */
export function testNotificationsText(results: readonly TestedChannel[]): string {
  const width = Math.max(...results.map(({ channel }) => channel.name.length));
  const lines = results.flatMap(({ channel, error, warning }) => {
    const { name, target } = channel;
    const outcome = error === undefined ? (target.kind === "ping" ? "fetched" : "sent") : "FAILED";
    return [
      `${outcome.padEnd(7)}  ${name.padEnd(width)}  ${printable(destinationOf(channel))}`,
      ...(error === undefined ? [] : errorLines(error)),
      ...(warning === undefined ? [] : [`         → ${printable(warning)}`]),
    ];
  });
  const failed = results.filter(({ error }) => error !== undefined).length;
  const verdict =
    failed === 0
      ? `${plural(results.length, "channel works", "channels work")}; look whether the messages arrived`
      : plural(failed, "channel fails", "channels fail");
  return `${lines.join("\n")}\n\n${verdict}\n`;
}

function errorLines(error: unknown): readonly string[] {
  const { message, causes, remedy } = describeError(error);
  const output = outputOf(error);
  return [
    `         ${printable(message)}`,
    ...causes.map((cause) => `         because: ${printable(cause)}`),
    ...(output === null ? [] : output.split("\n").map((line) => `         | ${printable(line)}`)),
    ...(remedy === undefined ? [] : [`         → ${printable(remedy)}`]),
  ];
}

function outputOf(error: unknown): string | null {
  return error instanceof DeliveryError && error.output ? error.output : null;
}
