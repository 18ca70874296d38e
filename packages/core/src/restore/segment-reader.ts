import {
  HEADER_BYTES,
  SegmentScanner,
  SegmentSkimmer,
  type StoreKind,
  type Token,
} from "@axon-backup/axon-server";
import { EngineError } from "../errors.js";
import type { CutPoint, EventTrail } from "./cut.js";
import type { ContextPlan, PlannedFile } from "./plan.js";

/** Reads a segment as its bytes come. */
export interface SegmentReader {
  push(chunk: Uint8Array): void;
  /** Where the segment is to be cut, if it is. @throws EngineError `failed` when it can't be */
  end(): CutPoint | undefined;
}

/** What looks at a file's content; undefined where nothing of it matters. */
export function readerOf(
  file: PlannedFile,
  store: StoreKind,
  { stores }: ContextPlan,
  trail: EventTrail,
): SegmentReader | undefined {
  if (!file.scan) return undefined;
  if (store === "snapshots") return readSnapshots(file, trail);
  return readEvents(file, trail, file === stores.events.head);
}

function readSnapshots(file: PlannedFile, trail: EventTrail): SegmentReader {
  const scanner = new SegmentScanner({
    segment: file.first,
    onEvents(_, snapshots) {
      trail.addSnapshots(snapshots);
    },
  });
  return {
    push: (chunk) => {
      scanner.push(chunk);
    },
    end() {
      if (file.bytes > 0) trail.endSnapshots(scanner.end());
      return undefined;
    },
  };
}

/** Reads until the trail knows enough; the head, whose last event's time is reported, to its end. */
function readEvents(file: PlannedFile, trail: EventTrail, isHead: boolean): SegmentReader {
  if (file.cutBefore !== undefined) return readAndCut(file, file.cutBefore, trail);
  const mustRead = isHead || trail.isTimed;
  let isGivenUp = false;
  // What has the right checksum was read whole when it was backed up, unless it has a problem.
  const skimmer = file.problem === undefined ? new SegmentSkimmer(file.first, trail.addEvent) : undefined;
  const scanner = new SegmentScanner({
    segment: file.first,
    onEvents(_, events) {
      trail.addEvents(events);
    },
  });
  return {
    push(chunk) {
      isGivenUp ||= !mustRead && trail.isSettled;
      if (!isGivenUp) (skimmer ?? scanner).push(chunk);
    },
    end() {
      if (!isGivenUp && file.bytes > 0) trail.endSegment((skimmer ?? scanner).end(), skimmer);
      return undefined;
    },
  };
}

/** Reads what stays, and finds where it ends. */
function readAndCut(file: PlannedFile, cutBefore: Token, trail: EventTrail): SegmentReader {
  let point: CutPoint | undefined =
    file.first === cutBefore ? { offset: HEADER_BYTES, nextToken: file.first } : undefined;
  const scanner = new SegmentScanner({
    segment: file.first,
    onTransaction({ firstToken, count, end }) {
      if (firstToken < cutBefore) point = { offset: end, nextToken: (firstToken + count) as Token };
    },
    onEvents({ firstToken }, events) {
      if (firstToken < cutBefore) trail.addEvents(events);
    },
  });
  return {
    push: (chunk) => {
      scanner.push(chunk);
    },
    end() {
      const scan = scanner.end();
      trail.endSegment(scan);
      if (point !== undefined && point.nextToken >= cutBefore && scan.state !== "foreign") return point;
      const why =
        scan.state === "torn" ? scan.reason : `its format version, ${scan.formatVersion}, is not known`;
      throw new EngineError(
        "failed",
        `${file.key} can't be cut before token ${cutBefore}: ${why}`,
        "Restore the whole restore point, or choose an earlier token.",
      );
    },
  };
}
