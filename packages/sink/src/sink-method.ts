import type { ConditionalPut, Sink } from "./sink.js";

/** The name of a method of a sink; those of `conditional` have their own. */
export type SinkMethod = Exclude<keyof Sink, "conditional" | "extendFrom"> | keyof ConditionalPut;

// As a record, so that the compiler finds one that is missing.
const METHODS: Readonly<Record<SinkMethod, true>> = {
  put: true,
  get: true,
  stat: true,
  list: true,
  delete: true,
  extend: true,
  ifAbsent: true,
  ifUnchanged: true,
  removeLeftovers: true,
  freeBytes: true,
  close: true,
};

/** All of them, for what goes over each: decorators, counters, tests. */
export const SINK_METHODS = Object.keys(METHODS) as readonly SinkMethod[];
