"use strict";

const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { dirname } = require("node:path");
const vm = require("node:vm");

/** What has been compiled in this process, by file. */
const loaded = new Map();

/**
 * Loads a bundle: a CommonJS file of ASCII characters alone and, beside it, what V8 compiled it to when it was built. Reading a megabyte of code takes longer than many a
 * command, and Node has no cache of its own for it before version 22. Another version of Node than the one that built it refuses the cache, and compiles.
 * @param {string} file its absolute path
 * @returns {any} what it exports
 */
function loadBundle(file) {
  const head = "(function (exports, require, module, __filename, __dirname, __import) {";
  // One byte a character: V8 takes it as it is.
  const source = readFileSync(file, "latin1");
  const script = new vm.Script(`${head}${source}\n})`, {
    filename: file,
    columnOffset: -head.length,
    cachedData: readIfThere(cacheOf(file)),
  });
  loaded.set(file, script);
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file), importModule);
  return module.exports;
}

/** For scripts: what V8 takes from a cache has lost the way to import. */
function importModule(url) {
  return import(url);
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

module.exports = { cacheOf, loadBundle, loaded };
