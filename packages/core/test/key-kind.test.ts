import { type ObjectKey, objectKey } from "@axon-backup/sink";
import { expect } from "chai";
import fc from "fast-check";
import { kindOfKey } from "../dist/repository/key-kind.js";
import { damageMarkKey, storeFileKey } from "../dist/repository/layout.js";

const kind = (key: string): string => kindOfKey(objectKey(key)).kind;
const segment = "00000000000000000034.events";

describe("what a key is the name of", () => {
  const known: Readonly<Record<string, readonly string[]>> = {
    "restore-point": ["restore-points/20261124T055901.123Z.json"],
    "control-db": ["controldb/20261124T055901.123Z.zip"],
    page: [`pages/${"0af".repeat(22).slice(0, 64)}.json`],
    "store-file": [
      `contexts/default/events/${segment}`,
      `contexts/default@3/events/${segment}`,
      `contexts/default/events/${segment}@2`,
      "contexts/a%2Eb/events/00000000000000000034_00001.bloom",
      "contexts/default/snapshots/00000000000034.snapshots",
      `pieces/default@3/events/${segment}/4096`,
    ],
    "damage-mark": [
      `damaged/contexts/default/events/${segment}.json`,
      "damaged/restore-points/20261124T055901.123Z.json.json",
    ],
    administration: [
      "repository.json",
      "writer.json",
      "head.json",
      "verified/objects.json",
      "verified/restore-points.json",
      "checkpoints/20261124T055901.123Z.json",
      "check-20261124T055901Z-0a1b2c3d-4711-89abcdef/some/object",
    ],
  };
  for (const [expected, keys] of Object.entries(known))
    for (const key of keys)
      it(`${key}: ${expected}`, () => {
        expect(kind(key)).to.equal(expected);
      });

  for (const key of [
    "holiday.jpg",
    "heads.json",
    "repository.json.bak",
    "restore-points/20261124T055901.123Z.json.old",
    "restore-points/20261340T055901.123Z.json",
    "restore-points/old/20261124T055901.123Z.json",
    "controldb/controldb1795486544709.zip",
    `pages/${"0AF".repeat(22).slice(0, 64)}.json`,
    "pages/0a.json",
    `contexts/default/events/${segment}.json`,
    `pieces/default/events/${segment}/0`,
    `pieces/default/events/${segment}/04096`,
    `pieces/default/events/${segment}@2/4096`,
    "pieces/default/events/00000000000000000034.bloom/4096",
    "pieces/default/events/notes.events/4096",
    `contexts/default/snapshots/${segment}`,
    `contexts/default@0/events/${segment}`,
    `contexts/default@01/events/${segment}`,
    `contexts/default/events/${segment}@1`,
    `contexts/default/events/${segment}@02`,
    `contexts/default/events/${segment}@2@3`,
    "contexts/default/events/00000000000000000034.bloom@2",
    "contexts/default/events/00000000000000000034.nindex",
    "contexts/default/events/global-index-00001.xref",
    "contexts/default/events/notes.txt",
    "contexts/default/events/00000000000000000034.events.temp",
    `contexts/a%2eb/events/${segment}`,
    `contexts/a%41b/events/${segment}`,
    `contexts/a.b/events/${segment}`,
    `contexts/default/${segment}`,
    `contexts/default/events/deep/${segment}`,
    `backup/contexts/default/events/${segment}`,
    "damaged/holiday.jpg.json",
    "damaged/writer.json.json",
    `damaged/contexts/default/events/${segment}`,
    "checkpoints/mine.json",
    "verified/notes.json",
    "check-mine/object",
  ])
    it(`${key}: nothing of ours`, () => {
      expect(kind(key)).to.equal("unknown");
    });

  it("every key that a backup makes is known", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", minLength: 1, maxLength: 15 }),
        fc.nat(1000),
        fc.constantFrom("", "@2", "@17"),
        (context, timeline, suffix) => {
          const key = storeFileKey(context, timeline, "events", segment + suffix);
          expect(kindOfKey(key).kind).to.equal("store-file");
          const mark: { kind: string; of?: ObjectKey } = kindOfKey(damageMarkKey(key));
          expect(mark).to.deep.equal({ kind: "damage-mark", of: key });
        },
      ),
    );
  });
});
