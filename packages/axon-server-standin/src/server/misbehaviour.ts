import { EventEmitter, once } from "node:events";

/** What a stand-in can be told to do wrong. */
export type Behaviour =
  /** Answers after this many milliseconds. */
  | { readonly kind: "delay"; readonly milliseconds: number }
  /**
   * Answers when the handle's `release()` is called. `before`: the answer is made then; `after` (default): it was made when the request came, so that the client gets
   * what was true in the past.
   */
  | { readonly kind: "hold"; readonly at?: "before" | "after" }
  | {
      readonly kind: "status";
      readonly status: number;
      readonly body?: string;
      readonly contentType?: string;
    }
  /** Closes the connection, without an answer or in the middle of its body. */
  | { readonly kind: "cut"; readonly when: "before-answer" | "mid-body" }
  /** A listing without files. `lastClosedSegment` is as it was, unless given. */
  | { readonly kind: "empty-list"; readonly lastClosedSegment?: number }
  /** The listing as it was when the rule was set. */
  | { readonly kind: "stale-list" }
  /**
   * Deletes the files whose names match, when the listing with them is made and not yet answered. The next listing doesn't have them, unless `stillListed`: then
   * every listing has them until the rules are changed.
   */
  | { readonly kind: "vanish"; readonly names: RegExp; readonly stillListed?: boolean }
  /** Puts paths into the listing, or in place of it. */
  | {
      readonly kind: "hostile-list";
      readonly add?: readonly string[];
      readonly replace?: readonly string[];
      readonly lastClosedSegment?: number;
    }
  /** A page of a proxy or a login, with status 200. */
  | { readonly kind: "html" }
  /** JSON that isn't what the call answers. Default `{"unexpected": true}`. */
  | { readonly kind: "wrong-shape"; readonly json?: unknown }
  /** Status 302. */
  | { readonly kind: "redirect"; readonly location: string };

/** When to misbehave, and how. */
export interface Misbehaviour {
  /** A string: the path, without its query. An expression: tested against path and query. Default: every request. */
  readonly path?: string | RegExp;
  readonly method?: string;
  /** How many matching requests are answered well before. Default 0. */
  readonly skip?: number;
  /** How many are answered badly. Default: all. */
  readonly times?: number;
  readonly behaviour: Behaviour;
}

/** What becomes of the rules that were set. */
export interface MisbehaviourHandle {
  /** How many requests were answered badly. */
  readonly applied: number;
  /** Resolves when `count` (default 1) requests have met a rule. */
  reached(count?: number): Promise<void>;
  /** Lets go the requests that are held, and holds no more. */
  release(): void;
}

/** Rules set together, with their counters. */
export class RuleSet implements MisbehaviourHandle {
  private count = 0;
  private readonly used: number[];
  private readonly events = new EventEmitter().setMaxListeners(0);
  private isReleased = false;

  constructor(private readonly rules: readonly Misbehaviour[]) {
    this.used = rules.map(() => 0);
  }

  get applied(): number {
    return this.count;
  }

  /** The behaviour for a request; counts it. The first rule that matches and has uses left decides. */
  match(method: string, path: string, pathAndQuery: string): Behaviour | undefined {
    for (const [index, rule] of this.rules.entries()) {
      if (rule.method !== undefined && rule.method !== method) continue;
      if (typeof rule.path === "string" && rule.path !== path) continue;
      if (rule.path instanceof RegExp && pathAndQuery.search(rule.path) < 0) continue;
      const seen = (this.used[index] ?? 0) + 1;
      this.used[index] = seen;
      const skip = rule.skip ?? 0;
      if (seen <= skip || seen > skip + (rule.times ?? Infinity)) continue;
      this.count += 1;
      this.events.emit("applied");
      return rule.behaviour;
    }
    return undefined;
  }

  async reached(count = 1): Promise<void> {
    while (this.count < count) await once(this.events, "applied");
  }

  release(): void {
    this.isReleased = true;
    this.events.emit("released");
  }

  /** Resolves when the rules are released. */
  async released(): Promise<void> {
    if (!this.isReleased) await once(this.events, "released");
  }
}
