import { AxonServerError } from "../errors.js";
import { quote } from "../text.js";
import { isToken, type Token } from "../token.js";
import { type Answer, isHtml } from "./answer-errors.js";

/** Checks answers field by field. Fields that aren't known are fine; wrong types are not: guessing would endanger the backup. */
export class Shape {
  readonly #what: string;
  readonly #redact: (text: string) => string;

  /**
   * @param what the call, as `GET http://host:8024/v1/public/version`
   * @param redact takes secrets out of what the server said, before it is quoted
   */
  constructor(what: string, redact: (text: string) => string) {
    this.#what = what;
    this.#redact = redact;
  }

  /** An answer's JSON. */
  json(answer: Answer): unknown {
    if (isHtml(answer))
      throw this.problem(
        "an HTML page, not Axon Server's answer",
        "A proxy or a login page is in between, or server.url isn't Axon Server's HTTP port (8024 by default).",
      );
    try {
      return JSON.parse(answer.text) as unknown;
    } catch {
      // Without the cause, which quotes the answer as it is.
      throw this.problem(`the answer is not JSON: ${quote(this.#redact(answer.text), 100)}`);
    }
  }

  object(value: unknown, name: string): Readonly<Record<string, unknown>> {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw this.#wrong(name, "an object", value);
    return value as Readonly<Record<string, unknown>>;
  }

  string(value: unknown, name: string): string {
    if (typeof value !== "string") throw this.#wrong(name, "a string", value);
    return value;
  }

  /** A string; undefined for null, or where there is nothing. */
  stringOrNone(value: unknown, name: string): string | undefined {
    return value === undefined || value === null ? undefined : this.string(value, name);
  }

  /** An integer of any sign. */
  integer(value: unknown, name: string): number {
    if (!Number.isSafeInteger(value)) throw this.#wrong(name, "an integer", value);
    return value as number;
  }

  list(value: unknown, name: string): readonly unknown[] {
    if (!Array.isArray(value)) throw this.#wrong(name, "a list", value);
    return value as unknown[];
  }

  boolean(value: unknown, name: string): boolean {
    if (typeof value !== "boolean") throw this.#wrong(name, "true or false", value);
    return value;
  }

  strings(value: unknown, name: string): readonly string[] {
    if (!Array.isArray(value)) throw this.#wrong(name, "a list of strings", value);
    for (const item of value as unknown[])
      if (typeof item !== "string") throw this.#wrong(`${name}[]`, "a string", item);
    return value as string[];
  }

  /** A token, or undefined for -1, with which the server says "none". */
  tokenOrNone(value: unknown, name: string): Token | undefined {
    if (value === -1) return undefined;
    if (!isToken(value)) throw this.#wrong(name, "an integer from -1 to 2^53 - 1", value);
    return value;
  }

  /** An `unexpected` error about this answer. */
  problem(message: string, remedy = CHECK): AxonServerError {
    return new AxonServerError("unexpected", `${this.#what}: ${message}`, remedy);
  }

  #wrong(name: string, wanted: string, value: unknown): AxonServerError {
    const shown = value === undefined ? "missing" : quote(this.#redact(JSON.stringify(value)), 60);
    return this.problem(`${name} should be ${wanted} and is ${shown}`);
  }
}

const CHECK =
  "Check that server.url is an Axon Server's, and that its version is supported. If so, please report this answer.";
