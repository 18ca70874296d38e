import type { RestorePointId } from "./repository/restore-point-id.js";

/**
 * What the engine tells while it works. It logs nothing itself: whoever calls it decides what people and log files see.
 * Numbers of bytes are of the object's content.
 */
export type EngineEvent =
  /** A step of a run began: "control DB", "inventory", "transfer", … */
  | { readonly kind: "step"; readonly sink?: string; readonly step: string }
  /** How much work a step has, once known. May grow. */
  | { readonly kind: "work"; readonly sink: string; readonly objects: number; readonly bytes: number }
  /** Bytes moved; below 0 when those of an attempt that failed are taken back, because they have to be moved again. */
  | { readonly kind: "bytes"; readonly sink: string; readonly bytes: number }
  /** One object is done. */
  | {
      readonly kind: "object";
      readonly sink: string;
      readonly key: string;
      readonly bytes: number;
      readonly what: string;
    }
  /** Worth a person's attention; the work goes on. */
  | { readonly kind: "warning"; readonly sink?: string; readonly message: string }
  /** What was stored after the newest restore point was made one of its own. */
  | { readonly kind: "promoted"; readonly sink: string; readonly restorePoint: RestorePointId }
  | { readonly kind: "committed"; readonly sink: string; readonly restorePoint: RestorePointId };

/** Takes the engine's events. Must not throw. */
export type Observer = (event: EngineEvent) => void;

/** For callers that don't look. */
export const ignoreEvents: Observer = () => undefined;
