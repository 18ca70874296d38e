import type { Log } from "../output/log.js";

type Write = Log["info"];

/** A log that goes on as another one when the configuration says so. */
export class SwitchedLog implements Log {
  #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  use(log: Log): void {
    this.#log = log;
  }

  readonly debug: Write = (message, fields) => {
    this.#log.debug(message, fields);
  };
  readonly info: Write = (message, fields) => {
    this.#log.info(message, fields);
  };
  readonly warn: Write = (message, fields) => {
    this.#log.warn(message, fields);
  };
  readonly error: Write = (message, fields) => {
    this.#log.error(message, fields);
  };
}
