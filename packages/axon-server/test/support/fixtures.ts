import { readFileSync } from "node:fs";

import type { Reply, SeenRequest } from "./test-server.js";

export const GENERATIONS = ["4.4", "4.6", "2023.2"] as const;
export type Generation = (typeof GENERATIONS)[number];

/** One line of a recording. */
type Recorded =
  | {
      readonly request: { readonly method: string; readonly path: string };
      readonly response: {
        readonly status: number;
        readonly contentType: string | null;
        readonly json?: unknown;
        readonly body?: string;
      };
    }
  | { readonly disk: readonly { readonly name: string; readonly size: number }[] };

const ROOT = new URL("../../../../test/fixtures/", import.meta.url);

function load(generation: Generation, moment: string): readonly Recorded[] {
  return JSON.parse(
    readFileSync(new URL(`${generation}/api/${moment}.json`, ROOT), "utf8"),
  ) as readonly Recorded[];
}

/** A recorded moment of a real server: its answers, and the files it had. */
export class Recording {
  readonly #answers = new Map<string, Reply>();
  readonly disk: readonly string[];

  constructor(generation: Generation, moment: string) {
    const lines = load(generation, moment);
    for (const line of [...load(generation, "1-fresh").slice(0, 3), ...lines])
      if ("request" in line) {
        const { status, contentType, json, body } = line.response;
        this.#answers.set(`${line.request.method} ${line.request.path}`, {
          status,
          ...(contentType === null ? {} : { contentType }),
          ...(body === undefined ? { json } : { body }),
        });
      }
    this.disk = lines.flatMap((line) => ("disk" in line ? line.disk.map(({ name }) => name) : []));
  }

  /** As recorded; cursors that were not recorded are computed from the recorded whole list. */
  readonly reply = ({ method, url }: SeenRequest): Reply => {
    const exact = this.#answers.get(`${method} ${url}`);
    if (exact !== undefined) return exact;
    const [path = "", queryText = ""] = url.split("?");
    const query = new URLSearchParams(queryText);
    query.delete("lastClosedVersionBackedUp");
    query.delete("lastVersionBackedUp");
    const withoutVersion = this.#answers.get(`${method} ${path}?${query.toString()}`);
    if (withoutVersion !== undefined) return withoutVersion;
    const last = Number(query.get("lastSegmentBackedUp") ?? query.get("lastClosedSegmentBackedUp"));
    query.delete("lastSegmentBackedUp");
    query.delete("lastClosedSegmentBackedUp");
    const whole = this.#answers.get(`${method} ${path}?${query.toString()}`);
    if (whole === undefined || typeof whole === "string") throw new Error(`not recorded: ${method} ${url}`);
    if (path !== "/v1/backup/filenames") return whole;
    return { json: (whole.json as string[]).filter((file) => segmentOf(file) > last) };
  };
}

const segmentOf = (path: string): number => Number(/(\d{20})[^/]*$/.exec(path)?.[1]);
