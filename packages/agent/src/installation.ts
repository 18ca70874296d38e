import { existsSync } from "node:fs";

/** The folder of the agent's package. Looked for upwards: modules are one or two folders below it, bundled ones one. */
export const PACKAGE_FOLDER: URL = (() => {
  let folder = new URL("../", import.meta.url);
  while (!existsSync(new URL("package.json", folder)) && folder.pathname !== "/")
    folder = new URL("../", folder);
  return folder;
})();
