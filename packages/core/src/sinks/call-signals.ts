import { getEventListeners } from "node:events";

/** As many as calls run at a time, and some more. */
const KEPT = 64;

const idle: AbortController[] = [];

const nothing = (): void => undefined;

/**
 * The signal of one call, to be given back when the call has ended. Calls have it one after the other: in Node 20 each new one is an object with hidden classes of its own, 2 KiB that
 * stay until a full collection of garbage, and with tens of thousands of calls that was half of all memory. (In Node 22, signals are objects like others.)
 */
export function borrowController(): AbortController {
  return idle.pop() ?? newController();
}

function newController(): AbortController {
  const controller = new AbortController();
  // The first listener makes the signal a list of listeners, and when the last one goes, the list goes: with one that stays, so does the list.
  controller.signal.addEventListener("abort", nothing);
  return controller;
}

/** The call has ended. A signal that was used, or that somebody still listens to, isn't given to another one. */
export function giveBackController(controller: AbortController): void {
  const { signal } = controller;
  if (idle.length < KEPT && !signal.aborted && getEventListeners(signal, "abort").length === 1)
    idle.push(controller);
}
