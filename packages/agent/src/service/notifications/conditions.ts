import type { TimelineChange } from "@axon-backup/core";
import type { ErrorDescription } from "../../errors/describe-error.js";
import type { Job, SinkFailure, SinkPromise } from "../model.js";

/** What is wrong, or was. */
export type Trouble =
  | { readonly kind: "failed"; readonly sink: string; readonly job: Job; readonly failure: SinkFailure }
  | {
      readonly kind: "damage";
      readonly sink: string;
      /** Those whose names are known; `count` counts the others, too. */
      readonly objects: readonly string[];
      readonly count: number;
    }
  | {
      readonly kind: "late";
      readonly sink: string;
      readonly what: keyof SinkPromise;
      /** How far it is from what was promised: when it began, or now. */
      readonly reason: string;
      /** What holds it up, where that is known. */
      readonly why?: string;
    }
  | { readonly kind: "configuration-rejected"; readonly error: ErrorDescription }
  | { readonly kind: "diverged"; readonly sink: string; readonly timelines: readonly TimelineChange[] };

/** Trouble that lasts. A divergence doesn't: it is something that happened. */
export type LastingTrouble = Exclude<Trouble, { readonly kind: "diverged" }>;

/** Something that somebody is to be told. */
export interface Notice {
  /** What is told: the trouble itself, or that it is over. */
  readonly event: Trouble["kind"] | "recovered" | "on-time";
  readonly trouble: Trouble;
  /** When it began. */
  readonly since: Date;
  /** Whether it has been told before. */
  readonly reminder: boolean;
}

/** Trouble that lasts, and what was told of it. Times without a date are milliseconds of a clock that never goes back. */
export interface Condition {
  readonly trouble: LastingTrouble;
  readonly since: Date;
  /** When it is to be told. */
  readonly due: number;
  /** When it was told last; undefined: not yet. */
  readonly told: number | undefined;
  /** Of damage and configuration: whether the service's state has had it, so that its having it no more means that it is over. */
  readonly counted: boolean;
}

/** What a channel remembers. Two of the same key are the same trouble. */
export interface Memory {
  readonly conditions: ReadonlyMap<string, Condition>;
  /** Divergences that were told. */
  readonly diverged: readonly string[];
  /** Whether the state that the service was in at first has been looked at. */
  readonly begun: boolean;
}

export const NO_MEMORY: Memory = { conditions: new Map(), diverged: [], begun: false };

export function keyOf(trouble: LastingTrouble): string {
  switch (trouble.kind) {
    case "failed":
      return failureKey(trouble.sink, trouble.job);
    case "damage":
      return damageKey(trouble.sink);
    case "late":
      return lateKey(trouble.sink, trouble.what);
    case "configuration-rejected":
      return CONFIGURATION_KEY;
  }
}

export const failureKey = (sink: string, job: Job): string => `failed ${job} ${sink}`;
export const damageKey = (sink: string): string => `damage ${sink}`;
export const lateKey = (sink: string, what: keyof SinkPromise): string => `late ${what} ${sink}`;
export const CONFIGURATION_KEY = "configuration";
