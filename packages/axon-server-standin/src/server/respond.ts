import { existsSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { StoreState } from "../store/event-store.js";
import type { Answer } from "./answer.js";
import type { Behaviour, RuleSet } from "./misbehaviour.js";
import { type Listing, listingAnswer, route, type ServerView } from "./routes.js";

/** How an answer is to be sent. */
export interface Delivery {
  readonly answer: Answer;
  readonly cut?: "before-answer" | "mid-body";
}

/** Rules as they were set, with the state of the stores at that moment. */
export interface ActiveRules {
  readonly rules: RuleSet;
  /** The state that `stale-list` answers with. */
  staleState: ServerView["state"];
  /** Deleted files that every listing has still, by context. */
  readonly ghosts: Map<string, string[]>;
}

export interface IncomingCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Answers a call, well or badly. */
export async function respond(
  view: ServerView,
  call: IncomingCall,
  active: ActiveRules,
  signal: AbortSignal,
): Promise<Delivery> {
  const search = call.query.toString();
  const pathAndQuery = search === "" ? call.path : `${call.path}?${search}`;
  const behaviour = active.rules.match(call.method, call.path, pathAndQuery);
  const haunted = withGhosts(view, active.ghosts);
  const make = async (from = haunted): Promise<Answer> => {
    const outcome = await route(from, call.method, call.path, call.query);
    return "answer" in outcome
      ? outcome.answer
      : listingAnswer(from, change(from, outcome.listing, behaviour, active));
  };
  switch (behaviour?.kind) {
    case "delay":
      await sleep(behaviour.milliseconds, undefined, { signal, ref: false });
      return { answer: await make() };
    case "hold":
      if (behaviour.at === "before") {
        await active.rules.released();
        return { answer: await make() };
      } else {
        const answer = await make();
        await active.rules.released();
        return { answer };
      }
    case "stale-list":
      return { answer: await make({ ...haunted, state: active.staleState }) };
    case "cut":
      return { answer: await make(), cut: behaviour.when };
    case "status":
      return { answer: page(behaviour.status, behaviour.body ?? "", behaviour.contentType ?? "text/plain") };
    case "html":
      return { answer: page(200, "<!DOCTYPE html><html><body>Please log in</body></html>", "text/html") };
    case "wrong-shape":
      return {
        answer: page(200, JSON.stringify(behaviour.json ?? { unexpected: true }), "application/json"),
      };
    case "redirect":
      return { answer: { ...page(302, "", "text/html"), headers: { location: behaviour.location } } };
    case "empty-list":
    case "hostile-list":
    case "vanish":
    case undefined:
      return { answer: await make() };
  }
}

function page(status: number, body: string, contentType: string): Answer {
  return { status, contentType, body };
}

/** The listing with what a behaviour does to it. */
function change(
  view: ServerView,
  listing: Listing,
  behaviour: Behaviour | undefined,
  active: ActiveRules,
): Listing {
  if (behaviour?.kind === "vanish") {
    vanish(view, listing, behaviour, active.ghosts);
    return listing;
  }
  if (behaviour?.kind !== "empty-list" && behaviour?.kind !== "hostile-list") return listing;
  const replace = behaviour.kind === "empty-list" ? [] : behaviour.replace;
  const add = behaviour.kind === "empty-list" ? [] : (behaviour.add ?? []);
  const lastClosedSegment =
    listing.lastClosedSegment === undefined
      ? undefined
      : (behaviour.lastClosedSegment ?? listing.lastClosedSegment);
  return { lastClosedSegment, filenames: [...(replace ?? listing.filenames), ...add] };
}

function vanish(
  view: ServerView,
  listing: Listing,
  behaviour: Extract<Behaviour, { kind: "vanish" }>,
  ghosts: Map<string, string[]>,
): void {
  for (const path of listing.filenames) {
    const [context, name] = path.split("/").slice(-2);
    if (context === undefined || name === undefined || name.search(behaviour.names) < 0) continue;
    for (const { here } of [view.paths.storage, view.paths.log]) {
      const file = join(here, context, name);
      if (existsSync(file)) unlinkSync(file);
    }
    if (behaviour.stillListed === true) ghosts.set(context, [...(ghosts.get(context) ?? []), name]);
  }
}

function withGhosts(view: ServerView, ghosts: ReadonlyMap<string, readonly string[]>): ServerView {
  if (ghosts.size === 0) return view;
  const state: ServerView["state"] = (context, store): StoreState | undefined => {
    const found = view.state(context, store);
    return found && { ...found, names: [...new Set([...found.names, ...(ghosts.get(context) ?? [])])] };
  };
  return { ...view, state };
}
