#!/usr/bin/env node
"use strict";

// A CommonJS module, because Node reads an ES module's file with the threads whose number is set here: it would be too late.
// Four (Node's default) are held up by syncs of finished files while others wait to be read and written.
process.env.UV_THREADPOOL_SIZE ??= "8";

const { existsSync, readFileSync, statSync } = require("node:fs");
const { join } = require("node:path");
const { loadBundle } = require("./load-bundle.js");

const folder = join(__dirname, "..", "bundle");
const bundle = join(folder, "main.cjs");

/** Whether there is a bundle of the modules as they are. A published package has no list of what it was made of: its bundle fits. */
function hasBundle() {
  if (!existsSync(bundle)) return false;
  const list = join(folder, "inputs.json");
  if (!existsSync(list)) return true;
  const inputs = JSON.parse(readFileSync(list, "utf8"));
  return inputs.every(
    ([path, time]) => statSync(join(folder, path), { throwIfNoEntry: false })?.mtimeMs === time,
  );
}

const load = async () => (hasBundle() ? loadBundle(bundle) : import("../dist/main.js"));

load()
  .then(({ main }) => main(process.argv.slice(2)))
  .then((code) => {
    process.exitCode = code;
  });
