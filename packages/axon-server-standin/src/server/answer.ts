import type { Generation } from "../options.js";

/** An HTTP answer. */
export interface Answer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The version that a stand-in of a generation says it has: the one of the captured server (2025.1 was not captured). */
export const SERVER_VERSION: Readonly<Record<Generation, string>> = {
  "4.4": "4.4.14-SNAPSHOT",
  "4.6": "4.6.12-SNAPSHOT",
  "2023.2": "2023.2.2-SNAPSHOT",
  "2025.1": "2025.1.0",
};

const JSON_TYPE: Readonly<Record<Generation, string>> = {
  "4.4": "application/json;charset=UTF-8",
  "4.6": "application/json",
  "2023.2": "application/json",
  "2025.1": "application/json",
};

export function json(generation: Generation, value: unknown): Answer {
  return { status: 200, contentType: JSON_TYPE[generation], body: JSON.stringify(value) };
}

export function text(status: number, body: string): Answer {
  return { status, contentType: "text/plain;charset=UTF-8", body };
}

const REASONS = {
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  405: "Method Not Allowed",
  500: "Internal Server Error",
} as const;

export interface ErrorRequest {
  readonly generation: Generation;
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Of 4.4, which alone has it in its body. */
  readonly message?: string;
}

/** Spring's error body, as each generation has it. */
export function errorAnswer(status: keyof typeof REASONS, request: ErrorRequest): Answer {
  const { generation, path, now } = request;
  const error = REASONS[status];
  const body =
    generation === "4.4"
      ? { timestamp: now, status, error, message: request.message ?? "No message available", path }
      : {
          timestamp: now,
          status,
          error,
          path,
          asVersion: SERVER_VERSION[generation],
          product: "Axon Server",
        };
  const contentType = status === 500 ? "application/json;charset=UTF-8" : JSON_TYPE[generation];
  return { status, contentType, body: JSON.stringify(body) };
}
