import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { plugin } from "@axon-backup/sink-local";
import type { Storage } from "./model.js";

export const local: Storage = {
  type: "local",
  async start(parent) {
    const directory = join(parent, "storage");
    await mkdir(directory, { recursive: true });
    return {
      description: "a directory",
      port: undefined,
      directory,
      http: false,
      newPlace: (name) => {
        const path = join(directory, name);
        return Promise.resolve({
          yaml: () => ["type: local", `path: ${path}`],
          rclone: () => ({ remote: path, env: {} }),
          restic: () => ({ repository: path, args: [], env: {} }),
          copy: { command: ["cp", "-r"], path },
          open: (purpose) => plugin.open({ path }, { name: "bench", purpose }),
        });
      },
      close: () => Promise.resolve(),
    };
  },
};
