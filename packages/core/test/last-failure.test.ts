import { objectKey } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { BackupScene } from "./backup-scene.js";

describe("the note on a failure", () => {
  it("has the message without the secrets in it", async () => {
    const scene = new BackupScene("young");
    try {
      await scene.commit();
      scene.grow();
      const faulty = faultySink(scene.sink);
      for (let pass = 0; pass < 3; pass++) faulty.script("put", { kind: "pass" });
      faulty.script("put", { kind: "fail", error: "full" });
      const error = await scene.fail(faulty, {
        redact: (text) => text.replaceAll(/\w/g, "*"),
        concurrency: 1,
      });
      const note = scene.sink.storage.get(objectKey("last-failure.json"));
      const { body } = JSON.parse(Buffer.from(note?.bytes ?? []).toString()) as {
        readonly body: { readonly message: string };
      };
      expect(error.message).to.match(/\w/);
      expect(body.message).to.equal(error.message.replaceAll(/\w/g, "*"));
    } finally {
      scene.close();
    }
  });
});
