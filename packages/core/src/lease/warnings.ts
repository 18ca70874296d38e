import type { LeaseOptions } from "./lease.js";

/** Tells of what a lease does meanwhile as warnings. */
export function leaseWarnings(
  warn: (message: string) => void,
): Required<Pick<LeaseOptions, "onWait" | "onRelease">> {
  return {
    onWait: (milliseconds) => {
      warn(
        `another run's lock is on the repository; watching it for ${milliseconds / 1000} s to see whether that run still lives`,
      );
    },
    onRelease: (error) => {
      warn(`this run's lock on the repository could not be removed: ${String(error)}`);
    },
  };
}
