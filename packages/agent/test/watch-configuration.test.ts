import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { watchConfiguration } from "../dist/service/watch-configuration.js";
import { folder, removeFolders } from "./support.js";

/** Nothing waits for files to settle. */
const CLOCK = {
  now: () => 0,
  after: (_: number, run: () => void) => {
    run();
    return () => undefined;
  },
};
const silent = (): void => undefined;
const LOG = { debug: silent, info: silent, warn: silent, error: silent };
const MINUTE = 60_000;

describe("a configuration that is watched", () => {
  after(removeFolders);

  /** A configuration, and what resolves when a change of it is noticed. */
  function watched(since: number) {
    const directory = folder();
    mkdirSync(join(directory, "sinks.d"));
    const file = join(directory, "sinks.d/nas.yaml");
    writeFileSync(file, "type: local\n");
    let isNoticed = false;
    let watcher: ReturnType<typeof watchConfiguration> | undefined;
    const noticed = new Promise<void>((resolve) => {
      const onChange = (): void => {
        isNoticed = true;
        resolve();
      };
      watcher = watchConfiguration(directory, CLOCK, LOG, onChange, since);
    });
    return { file, noticed, isNoticed: () => isNoticed, close: () => watcher?.close() };
  }

  it("has changed when it did so after it was read, though before it could be watched", async () => {
    const { noticed, close } = watched(Date.now() - MINUTE);
    await noticed;
    await close();
  });

  it("hasn't when it is older than that; and does when it is written to", async () => {
    const { file, noticed, isNoticed, close } = watched(Date.now() + MINUTE);
    // Until it is watched, which nobody tells.
    const writing = setInterval(() => {
      if (!isNoticed()) writeFileSync(file, `type: local # ${Date.now()}\n`);
    }, 20);
    try {
      await noticed;
    } finally {
      clearInterval(writing);
      await close();
    }
  });
});
