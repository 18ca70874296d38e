import { join } from "node:path";

import { expect } from "chai";

import { type Exchange, GENERATIONS, materialise, moments, type RecordedResponse } from "./moments.js";
import { cleanUp, start, temporaryDirectory } from "./support.js";

/** Values that no two runs share: compared by type. */
const VOLATILE = new Set(["timestamp", "free", "total"]);

describe("the stand-in, held to what real servers answered", () => {
  afterEach(cleanUp);

  for (const generation of GENERATIONS) {
    for (const moment of moments(generation)) {
      it(`${generation}, ${moment.name}: ${moment.exchanges.length} requests`, async () => {
        const storage = join(temporaryDirectory(), "data");
        materialise(generation, moment, join(storage, "default"));
        const standin = await start({
          generation,
          storage,
          serverPath: "/var/lib/axonserver/data",
          lastClosed: { default: moment.lastClosed },
          ...(moment.name.startsWith("a-")
            ? { accessControl: { admin: "admin-token", application: "app-token" } }
            : {}),
        });
        expect(standin.head("default") + 1, "events").to.equal(moment.heads.events);
        expect(standin.head("default", "snapshots") + 1, "snapshots").to.equal(moment.heads.snapshots);
        for (const exchange of moment.exchanges) {
          const answered = await replay(standin.url, exchange);
          const { method, path } = exchange.request;
          expect(stable(answered), `${method} ${path}`).to.deep.equal(stable(exchange.response));
        }
      });
    }
  }

  it("replays every recorded request: none was left out", () => {
    const counts = GENERATIONS.map((generation) =>
      moments(generation).reduce((sum, moment) => sum + moment.exchanges.length, 0),
    );
    expect(counts).to.deep.equal([67, 67, 103]);
  });
});

async function replay(url: string, { request, response }: Exchange): Promise<RecordedResponse> {
  const answered = await fetch(url + request.path, {
    method: request.method,
    headers: request.headers ?? {},
  });
  const body = await answered.text();
  return {
    status: answered.status,
    contentType: answered.headers.get("content-type"),
    ...(response.json === undefined ? { body } : { json: JSON.parse(body) as unknown }),
  };
}

/** A response with its volatile values replaced by what they are. */
function stable(response: RecordedResponse): unknown {
  return JSON.parse(JSON.stringify(response), (key, value: unknown) => {
    if (VOLATILE.has(key)) return typeof value;
    if (key === "body" && typeof value === "string")
      return value.replace(/controldb\d{13}\.zip$/, "controldb<ms>.zip");
    return value;
  }) as unknown;
}
