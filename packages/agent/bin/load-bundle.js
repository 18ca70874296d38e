"use strict";

const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { dirname } = require("node:path");
const vm = require("node:vm");

/**
 * Loads the bundle: a CommonJS file of ASCII characters alone and, beside it, what V8 compiled it to when it was built. Reading a megabyte of code takes longer than many a
 * command, and Node has no cache of its own for it before version 22. Another version of Node than the one that built it refuses the cache, and compiles.
 * @param {string} file its absolute path
 * @returns {{ exports: any, script: vm.Script }}
 */
function loadBundle(file) {
  const head = "(function (exports, require, module, __filename, __dirname) {";
  // One byte a character: V8 takes it as it is.
  const source = readFileSync(file, "latin1");
  const script = new vm.Script(`${head}${source}\n})`, {
    filename: file,
    columnOffset: -head.length,
    cachedData: readIfThere(cacheOf(file)),
    // Plugins are ES modules, imported when they are needed.
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  return { exports: module.exports, script };
}

/** Where the compiled code of a bundle is. */
function cacheOf(file) {
  return `${file}.cache`;
}

function readIfThere(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

module.exports = { cacheOf, loadBundle };
