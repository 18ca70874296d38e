import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import type { Generation } from "../options.js";
import { node } from "./node-facts.js";
import type { ServerDirectory } from "./paths.js";

/** Replication groups and the contexts in them. */
export type ReplicationGroups = Readonly<Record<string, readonly string[]>>;

const LEADER = node()["name"];
const STANDING = { changePending: false, pendingSince: 0 };
const ROLES = [{ node: LEADER, role: "PRIMARY" }];

/** `GET /v1/public/context` (docs/axon-server.md, section 7). */
export function contextsOf(groups: ReplicationGroups): readonly unknown[] {
  return Object.entries(groups).flatMap(([replicationGroup, contexts]) =>
    contexts.map((context) => ({
      context,
      replicationGroup,
      metaData: {},
      ...STANDING,
      leader: LEADER,
      roles: ROLES,
    })),
  );
}

/** `GET /v1/public/replicationgroups`. */
export function groupsOf(groups: ReplicationGroups): readonly unknown[] {
  return Object.entries(groups).map(([name, contexts]) => ({
    name,
    leader: LEADER,
    roles: ROLES,
    ...STANDING,
    contexts: contexts.map((context) => ({ context, metaData: {}, ...STANDING })),
  }));
}

/** The paths of a replication group's log: completed segments and their indexes; with newer generations, the current one as well. */
export function logFiles(log: ServerDirectory, group: string, generation: Generation): string[] {
  const directory = join(log.here, group);
  const names = existsSync(directory) ? readdirSync(directory) : [];
  const segments = names
    .filter((name) => /^\d{20}\.log$/.test(name))
    .map((name) => name.slice(0, 20))
    .sort();
  const current = segments.at(-1);
  const listed = segments.filter((segment) => segment !== current || generation !== "4.4");
  return listed.flatMap((segment) => {
    const files = segment === current ? [`${segment}.log`] : [`${segment}.log`, `${segment}.index`];
    return files.map((name) => log.spell(true, group, name));
  });
}
