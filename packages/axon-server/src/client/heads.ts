import type { StoreKind } from "../names.js";
import type { Token } from "../token.js";
import type { Shape } from "./shapes.js";
import type { ServerHeads } from "./types.js";

const FIELDS: Readonly<Record<string, StoreKind>> = { lastEvent: "events", lastSnapshot: "snapshots" };

/** What the health page says of the stores (docs/axon-server.md, section 1): `<context>.lastEvent` and `.lastSnapshot`. Undefined if it says nothing of them. */
export function headsIn(shape: Shape, page: unknown): ServerHeads | undefined {
  const field = (of: unknown, name: string): unknown =>
    of === undefined ? undefined : shape.object(of, name)[name];
  const details = field(field(field(page, "components"), "localEventStore"), "details");
  if (details === undefined) return undefined;
  const heads = new Map<string, Partial<Record<StoreKind, Token | undefined>>>();
  for (const [name, value] of Object.entries(shape.object(details, "details"))) {
    const dot = name.lastIndexOf(".");
    const store = FIELDS[name.slice(dot + 1)];
    if (dot <= 0 || store === undefined) continue;
    const context = name.slice(0, dot);
    heads.set(context, { ...heads.get(context), [store]: shape.tokenOrNone(value, name) });
  }
  return heads.size > 0 ? heads : undefined;
}
