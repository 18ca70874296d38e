import { Secret } from "@axon-backup/sink";
import { refuses } from "./support-open.js";
import { openWith } from "./support.js";

describe("options of an SFTP sink", () => {
  const options = { host: "h", user: "u", path: "p", private_key_file: "/k" };
  for (const [name, wrong] of Object.entries({
    "two private keys": { private_key: new Secret("k") },
    "known_hosts and host_key": { known_hosts: "/f", host_key: `SHA256:${"A".repeat(43)}` },
    "a fingerprint of another kind": { host_key: "MD5:00:11" },
    "a port that is none": { port: 70_000 },
    "a mode without access": { file_mode: "0000" },
    "an empty path": { path: "" },
  }))
    it(`refuse ${name}, before anything is connected`, () =>
      refuses(openWith({ ...options, ...wrong }), "invalid", "", ""));
});
