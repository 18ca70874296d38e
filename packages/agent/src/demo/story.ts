import { join } from "node:path";
import { EXIT_CODES } from "../exit-codes.js";
import { formatBytes, formatCount, plural } from "../output/units.js";
import { runCommandLine } from "./command-line.js";
import { compareEvents, compareFiles } from "./compare.js";
import { flipBit } from "./damage.js";
import { DemoFailure } from "./failure.js";
import type { Narrator } from "./narrator.js";
import { CONTEXT, type Playground } from "./playground.js";

/**
 * The whole story, in order.
 * @throws DemoFailure when anything is other than it is told
 */
export async function tellStory(
  playground: Playground,
  narrator: Narrator,
  signal: AbortSignal,
): Promise<void> {
  const { folder, server, store, configuration } = playground;
  const run = async (argv: readonly string[], expected: number = EXIT_CODES.ok): Promise<string> => {
    narrator.command(`axon-backup --config config ${argv.join(" ")}`);
    const { code, stdout, stderr } = await runCommandLine(["--config", "config", ...argv], folder, signal);
    narrator.output(code === expected ? stdout : stdout + stderr);
    if (code === expected) return stdout;
    throw new DemoFailure(`axon-backup ${argv.join(" ")} ended with ${code}, not with ${expected}`);
  };

  narrator.step("A store that a real Axon Server 2023.2 wrote, behind a stand-in for the server");
  narrator.say(
    `${formatCount(server.head(CONTEXT) + 1)} events and ${formatCount(server.head(CONTEXT, "snapshots") + 1)} snapshots. Everything is in ${folder}, and this is the configuration:`,
  );
  for (const [name, content] of Object.entries(configuration))
    narrator.output(`# config/${name}\n${content}`);

  narrator.step("Is everything there that a backup needs?");
  await run(["check"]);

  narrator.step("The first backup");
  await run(["backup"]);

  narrator.step("The store grows, and is backed up while it does");
  server.appendSample(CONTEXT, 300);
  narrator.say(
    "300 events were appended, and more are now, fifty times a second, while the second backup runs.",
  );
  const before = server.head(CONTEXT);
  const writer = setInterval(() => server.appendSample(CONTEXT, 5), 20);
  try {
    await run(["backup"]);
  } finally {
    clearInterval(writer);
  }
  narrator.say(
    `${formatCount(server.head(CONTEXT) - before)} events came in meanwhile. Only new segments were sent; the open segment's copy was overwritten, as always.`,
  );

  narrator.step("One bit of the backup flips");
  const damaged = flipBit(join(folder, "nas"), CONTEXT);
  narrator.say(`In nas/${damaged}. Nobody notices, until:`);
  const found = await run(["verify", "--read-data"], EXIT_CODES.damage);
  if (!found.includes(damaged)) throw new DemoFailure(`verify didn't name ${damaged}`);

  narrator.step("The next backup repairs it");
  await run(["backup"]);
  await run(["verify", "--read-data"]);
  await run(["list"]);

  narrator.step("The store is restored, and compared with the server's");
  await run(["restore", "--to", "restored"]);
  const restored = join(folder, "restored", CONTEXT);
  const { files, bytes } = compareFiles(store, restored);
  const events = compareEvents(store, restored, "events", server.head(CONTEXT));
  const snapshots = compareEvents(store, restored, "snapshots", server.head(CONTEXT, "snapshots"));
  narrator.proof(
    `${plural(files, "file")} with ${formatBytes(bytes)}, ${formatCount(events)} events and ${formatCount(snapshots)} snapshots: every byte and every token as on the server`,
  );

  narrator.step("And once more, as it was in the middle");
  const token = Math.floor(server.head(CONTEXT) / 2);
  await run(["restore", "--to", "middle", "--token", String(token)]);
  const kept = compareEvents(store, join(folder, "middle", CONTEXT), "events", token);
  if (kept >= events) throw new DemoFailure("nothing was cut off");
  narrator.proof(
    `${formatCount(kept)} events, to the end of the transaction with token ${token}: each as on the server`,
  );
}
