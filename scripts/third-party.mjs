// Names the packages of others that went into a bundle, with the texts of their licenses: what is given on has to have them.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;
const LICENSE = /^(?:licen[cs]e|copying|notice)(?:[.-]|$)/i;

/**
 * @param {string} root what the inputs' paths begin at
 * @param {Iterable<string>} inputs files of a bundle, as esbuild names them
 * @returns {string} a text, the same for the same packages
 */
export function thirdPartyNotices(root, inputs) {
  const folders = new Set([...inputs].map((input) => PACKAGE.exec(input)?.[0]).filter(Boolean));
  const notices = new Set([...folders].map((folder) => noticeOf(join(root, folder))));
  return [...notices].sort().join("\n");
}

function noticeOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const texts = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && LICENSE.test(entry.name))
    .map((entry) => entry.name)
    .sort()
    .map((file) => readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim());
  const title = `${name} ${version} (${typeof license === "string" ? license : "license: see below"})`;
  return [title, "=".repeat(title.length), "", ...texts.flatMap((text) => [text, ""])].join("\n");
}
