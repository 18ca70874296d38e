import type { TimelineChange } from "@axon-backup/core";
import type { ErrorDescription } from "../../errors/describe-error.js";
import type { Trouble } from "./conditions.js";

/** Object names beyond these are counted only. */
const MAX_OBJECTS = 20;

/** `trouble` with every text in it cleaned. */
export function cleanTrouble(trouble: Trouble, clean: (text: string) => string): Trouble {
  switch (trouble.kind) {
    case "failed": {
      const { failure } = trouble;
      return {
        ...trouble,
        sink: clean(trouble.sink),
        failure: { ...failure, error: cleanError(failure.error, clean) },
      };
    }
    case "damage":
      return {
        ...trouble,
        sink: clean(trouble.sink),
        objects: trouble.objects.slice(0, MAX_OBJECTS).map(clean),
      };
    case "late":
      return {
        ...trouble,
        sink: clean(trouble.sink),
        reason: clean(trouble.reason),
        ...(trouble.why !== undefined && { why: clean(trouble.why) }),
      };
    case "configuration-rejected":
      return { ...trouble, error: cleanError(trouble.error, clean) };
    case "diverged":
      return {
        ...trouble,
        sink: clean(trouble.sink),
        timelines: trouble.timelines.map((change): TimelineChange => ({
          ...change,
          context: clean(change.context),
          reason: clean(change.reason),
        })),
      };
  }
}

function cleanError(error: ErrorDescription, clean: (text: string) => string): ErrorDescription {
  const { message, causes, remedy, problems, exitCode, unexpected } = error;
  return {
    message: clean(message),
    causes: causes.map(clean),
    ...(remedy === undefined ? {} : { remedy: clean(remedy) }),
    ...(problems
      ? {
          problems: problems.map((one) => ({
            ...one,
            file: clean(one.file),
            key: clean(one.key),
            message: clean(one.message),
          })),
        }
      : {}),
    exitCode,
    unexpected,
  };
}
