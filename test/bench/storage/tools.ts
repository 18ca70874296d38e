import { measure } from "../child.js";
import { hasProgram, type Store, axonBackup, type Workshop } from "../workshop.js";
import type { Environment, Place } from "./model.js";

type Command = readonly [string, ...string[]];

/** A tool with its own place on the storage. */
export interface Tool {
  readonly name: string;
  readonly env: Environment;
  /** Before the first backup, and not measured. */
  readonly init?: Command;
  readonly backup: Command;
  readonly restore: (to: string) => Command;
}

/** Which tools are here, by their names; the first is axon-backup. */
export function toolNames(place: Place): readonly ToolName[] {
  const all: readonly [ToolName, boolean][] = [
    ["axon-backup", true],
    ["rclone", hasProgram("rclone", "version")],
    ["restic", place.restic !== undefined && hasProgram("restic", "version")],
    ["copy", place.copy !== undefined],
  ];
  return all.filter(([, here]) => here).map(([name]) => name);
}

export type ToolName = "axon-backup" | "rclone" | "restic" | "copy";

/** @param id unique; @param port that of a proxy in front of the server */
export function makeTool(
  name: ToolName,
  workshop: Workshop,
  store: Store & { readonly url: string },
  place: Place,
  id: string,
  port?: number,
): Tool {
  switch (name) {
    case "axon-backup": {
      const config = workshop.configuration(store, id, place.yaml(port));
      return {
        name: "axon-backup",
        env: {},
        backup: axonBackup(config, "backup"),
        restore: (to) => axonBackup(config, "restore", "--to", to),
      };
    }
    case "rclone": {
      const { remote, env } = place.rclone(port);
      const copy = ["rclone", "--config=/dev/null", "--quiet", "copy"] as const;
      return {
        name: "rclone copy",
        env,
        backup: [...copy, store.data, remote],
        restore: (to) => [...copy, remote, to],
      };
    }
    case "restic": {
      if (place.restic === undefined) throw new Error("restic can't use this storage");
      const { repository, args, env } = place.restic(port);
      const restic = (...more: readonly string[]): Command =>
        ["restic", "--quiet", "--cache-dir", workshop.path(`restic-cache-${id}`), "-r", repository, ...args, ...more]; // prettier-ignore
      return {
        name: "restic",
        env: { ...env, RESTIC_PASSWORD: "bench" },
        init: restic("init"),
        backup: restic("backup", store.data),
        restore: (to) => restic("restore", "latest", "--target", to),
      };
    }
    case "copy": {
      if (place.copy === undefined) throw new Error("there is no command that copies to this storage");
      const { command, path } = place.copy;
      return {
        name: `${command[0]} -r`,
        env: {},
        backup: [...command, store.data, path],
        restore: (to) => [...command, path, to],
      };
    }
  }
}

/** Runs a command of a tool, not measured. */
export async function run(command: Command, env: Environment, signal: AbortSignal): Promise<void> {
  const [program, ...args] = command;
  await measure(program, args, signal, env);
}
