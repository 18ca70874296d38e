import type { ServiceEvent } from "./model.js";

/** What the journal knows each kind of event by, whatever its text (systemd.journal-fields(7), `MESSAGE_ID`). They never change. */
export const MESSAGE_IDS: Readonly<Record<ServiceEvent["kind"], string>> = {
  "restore-point": "46d85acb998441ff87ef132261e064c6",
  cycle: "fec26de8bfe140e59ca5f3a97e5937ed",
  verified: "0ed99af3826e4877a5abf2e574701a45",
  pruned: "c0065f33208b4d3c97803f3b944bc502",
  failed: "1e04428e80bf401f9709d40cad9cca08",
  recovered: "15471c415dd84061b4f3668b323e449b",
  diverged: "fd9f7b57b988458c9bc499d0b95a860c",
  damage: "87b23e2c29ac401bb78f6fe4b532a8a2",
  late: "3f271025ac4d4ef48c1dd447bcc8b36e",
  "on-time": "32e4b288da1e42b998d119c3883839dc",
  "configuration-taken": "9e44ab8fca6e4fefad8f6ea183795178",
  "configuration-rejected": "06b93476797e4951b87eb7afbadb664a",
  stopping: "d6801853138c4b1e80ad0d7b45759462",
};
