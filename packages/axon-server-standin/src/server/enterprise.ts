import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import type { ClusterState, GroupState } from "../cluster/state.js";
import { logName, logSegmentsOf } from "../format/log.js";
import type { Generation } from "../options.js";
import type { ServerDirectory } from "./paths.js";

const STANDING = { changePending: false, pendingSince: 0 };

/** `GET /v1/public/context` (docs/axon-server.md, section 7). */
export function contextsOf({ groups }: ClusterState): readonly unknown[] {
  return [...groups].flatMap(([replicationGroup, group]) =>
    group.contexts.map((context) => ({
      context,
      replicationGroup,
      metaData: {},
      ...STANDING,
      ...membersOf(group),
    })),
  );
}

/** `GET /v1/public/replicationgroups`. */
export function groupsOf({ groups }: ClusterState): readonly unknown[] {
  return [...groups].map(([name, group]) => ({
    name,
    ...membersOf(group),
    ...STANDING,
    contexts: group.contexts.map((context) => ({ context, metaData: {}, ...STANDING })),
  }));
}

function membersOf({ leader, roles }: GroupState): object {
  return { leader: leader ?? null, roles: Object.entries(roles).map(([node, role]) => ({ node, role })) };
}

/** The paths of a replication group's log: completed segments and their indexes; with newer generations, the current one as well. */
export function logFiles(log: ServerDirectory, group: string, generation: Generation): string[] {
  const directory = join(log.here, group);
  const segments = logSegmentsOf(existsSync(directory) ? readdirSync(directory) : []);
  const current = segments.at(-1);
  const listed = segments.filter((segment) => segment !== current || generation !== "4.4");
  return listed
    .flatMap((segment) => {
      const log = [logName(segment, "log")];
      return segment === current ? log : [...log, logName(segment, "index")];
    })
    .map((name) => log.spell(true, group, name));
}
