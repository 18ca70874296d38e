import { STORE_KINDS, type StoreKind } from "@axon-backup/axon-server";
import type { RestorePlan, StorePlan } from "./plan.js";

/** The same without index files, which a server rebuilds at its start: less to fetch, and a longer start. Pure. */
export function withoutIndexes(plan: RestorePlan): RestorePlan {
  const isSegment = ({ kind }: StorePlan["files"][number]): boolean => kind === "segment";
  const contexts = plan.contexts.map((context) => {
    const only = (store: StoreKind): StorePlan => ({
      ...context.stores[store],
      files: context.stores[store].files.filter(isSegment),
    });
    return { ...context, stores: { snapshots: only("snapshots"), events: only("events") } };
  });
  const files = contexts.flatMap(({ stores }) => STORE_KINDS.flatMap((store) => stores[store].files));
  return {
    ...plan,
    contexts,
    objects: files.length + 1,
    bytes: files.reduce((sum, file) => sum + file.bytes, plan.controlDb.size),
  };
}
