#!/usr/bin/env node
import { existsSync, readFileSync, statSync } from "node:fs";

/** Whether there is a bundle of the modules as they are. A published package has no list of what it was made of: its bundle fits. */
function hasBundle() {
  if (!existsSync(new URL("../bundle/main.js", import.meta.url))) return false;
  const list = new URL("../bundle/inputs.json", import.meta.url);
  if (!existsSync(list)) return true;
  const inputs = JSON.parse(readFileSync(list, "utf8"));
  return inputs.every(
    ([path, time]) => statSync(new URL(path, list), { throwIfNoEntry: false })?.mtimeMs === time,
  );
}

const { main } = await import(hasBundle() ? "../bundle/main.js" : "../dist/main.js");
process.exitCode = await main(process.argv.slice(2));
