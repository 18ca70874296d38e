import { readFileSync } from "node:fs";
import { PACKAGE_FOLDER } from "./installation.js";

/** The agent's version, from its package. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL("package.json", PACKAGE_FOLDER), "utf8")) as { version: string }
).version;
