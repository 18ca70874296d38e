import { expect } from "chai";
import fc from "fast-check";

import { isWithin, mapPath, normalisePath } from "@axon-backup/axon-server";

const path = (text: string): string | undefined => {
  const result = normalisePath(text);
  return result.ok ? result.path : undefined;
};

describe("paths", () => {
  it("are normalised as the server spells them", () => {
    expect(path("/var/lib/axonserver/./data/default/x")).to.equal("/var/lib/axonserver/data/default/x");
    expect(path("//var///lib/././x")).to.equal("/var/lib/x");
    expect(path("/a/...")).to.equal("/a/...");
    expect(path("/a/ü b")).to.equal("/a/ü b");
  });

  for (const text of [
    "",
    "a",
    "./a",
    "../a",
    "/..",
    "/a/..",
    "/../a",
    "/a/../b",
    "/a/./../b",
    "/",
    "/a/",
    "/a/.",
    "/a\nb",
    "/a\0b",
    "/a\tb",
    "/a\x7fb",
    "/a\u0085b",
    "/a\u2028b",
    "/a\\b",
    "/a\ud800b",
    "C:\\a",
    `/${"a".repeat(5000)}`,
    `/${"ü".repeat(2100)}`,
  ])
    it(`refuse ${JSON.stringify(text.slice(0, 30))}`, () => {
      expect(path(text)).to.equal(undefined);
    });

  it("come out of normalising without anything that could lead elsewhere", () => {
    const parts = fc.constantFrom("a", "b", "..", ".", "", "...", "\n", "c d");
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 8 }), (list) => {
        const result = path(`/${list.join("/")}`);
        if (result === undefined) return;
        expect(result).to.match(/^(?:\/[^/\n]+)+$/);
        expect(result.split("/")).to.not.include.members(["."]);
        expect(result.split("/")).to.not.include.members([".."]);
        expect(path(result)).to.equal(result);
      }),
    );
  });

  it("are mapped by the longest prefix of whole components", () => {
    const mappings = [
      { server: "/axonserver", local: "/mnt" },
      { server: "/axonserver/events", local: "/fast/events" },
    ];
    expect(mapPath("/axonserver/events/default/x", mappings)).to.equal("/fast/events/default/x");
    expect(mapPath("/axonserver/events", mappings)).to.equal("/fast/events");
    expect(mapPath("/axonserver/events2/x", mappings)).to.equal("/mnt/events2/x");
    expect(mapPath("/axonserver2/x", mappings)).to.equal("/axonserver2/x");
    expect(mapPath("/axonserver/events/x", [...mappings].reverse())).to.equal("/fast/events/x");
  });

  it("lie within a directory by whole components only", () => {
    expect(isWithin("/data/default", "/data")).to.equal(true);
    expect(isWithin("/data", "/data")).to.equal(true);
    expect(isWithin("/data2/default", "/data")).to.equal(false);
    expect(isWithin("/dat", "/data")).to.equal(false);
    expect(isWithin("/x", "/")).to.equal(true);
  });
});
