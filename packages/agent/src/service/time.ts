import type { Clock } from "@axon-backup/core";

/** A moment by both of a machine's clocks, in milliseconds. */
export interface Moment {
  /** The time of day, since 1970: what people see. It may be set forward and back, and goes on while the machine sleeps. */
  readonly wall: number;
  /** Never goes back and is never set; may stand still while the machine sleeps. */
  readonly steady: number;
}

/** Time as the service sees it: tests give one of their own, and wait for nothing. */
export interface Time {
  readonly clock: Clock;
  readonly now: () => Date;
}

export function momentNow({ clock, now }: Time): Moment {
  return { wall: now().getTime(), steady: clock.now() };
}

/** When something was that has a date: as long ago by the steady clock as it is by the other; now, if it is in the future. */
export function momentOf(date: Date, now: Moment): Moment {
  const ago = Math.max(0, now.wall - date.getTime());
  return { wall: now.wall - ago, steady: now.steady - ago };
}

/** Resolves after that many milliseconds, or as soon as the signal is aborted. */
export function pause(
  { clock }: Pick<Time, "clock">,
  milliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(milliseconds, end);
    signal.addEventListener("abort", end, { once: true });
  });
}
