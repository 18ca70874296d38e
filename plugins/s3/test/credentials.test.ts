import { expect } from "chai";
import { isSinkError, Secret } from "@axon-backup/sink";
import { caught, newBucket, open, server } from "./support.js";

describe("a real server refuses", () => {
  const started = server();

  it("a wrong secret, a wrong id and a wrong bucket, each with its own error", async () => {
    const options = await newBucket(started());
    const secret = await caught(open({ ...options, secret_access_key: new Secret("wrong") }));
    expect(isSinkError(secret, "denied"), String(secret)).to.be.true;
    expect(secret).to.have.property("remedy").that.includes("secret_access_key");
    const id = await caught(open({ ...options, access_key_id: "nobody" }));
    expect(isSinkError(id, "denied"), String(id)).to.be.true;
    expect(id).to.have.property("remedy").that.includes("access_key_id");
    const bucket = await caught(open({ ...options, bucket: "axon-backup-no-such-bucket" }));
    expect(isSinkError(bucket, "invalid"), String(bucket)).to.be.true;
    expect(bucket).to.have.property("message").that.includes("no such bucket");
  });

  it("nothing to the SDK's own chain of credentials", async () => {
    const { access_key_id: id = "", secret_access_key: secret, ...options } = await newBucket(started());
    const before = { ...process.env };
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret?.reveal() });
    try {
      await (await open(options)).close();
    } finally {
      for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
        if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = before[name];
    }
  });
});
