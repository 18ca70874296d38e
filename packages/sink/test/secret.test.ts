import { format, inspect } from "node:util";
import { expect } from "chai";
import fc from "fast-check";
import { Secret } from "@axon-backup/sink";

const value = "canary-0123456789";

describe("a secret", () => {
  it("is revealed by reveal alone", () => {
    expect(new Secret(value).reveal()).to.equal(value);
  });

  const secret = new Secret(value);
  const ways: Readonly<Record<string, () => string>> = {
    "String()": () => String(secret),
    "a template": () => `<${secret as unknown as string}>`,
    JSON: () => JSON.stringify({ secret, list: [secret] }),
    inspect: () => inspect(secret),
    "inspect, deep and with everything": () =>
      inspect({ a: { b: [secret] } }, { depth: null, showHidden: true, getters: true }),
    "inspect without custom inspection": () => inspect(secret, { customInspect: false, showHidden: true }),
    "format %s %o %O %j": () => format("%s %o %O %j", secret, secret, secret, secret),
    "an error's message": () => inspect(new Error(`failed with ${String(secret)}`, { cause: secret })),
    "its keys and entries": () =>
      JSON.stringify([Object.entries(secret), Object.getOwnPropertyNames(secret)]),
    "a spread copy": () => inspect(Object.assign({}, secret)),
    "a clone": () => inspect(structuredClone({ secret })),
    concatenation: () => "".concat(secret as unknown as string),
  };
  for (const [name, print] of Object.entries(ways))
    it(`isn't shown by ${name}`, () => {
      expect(print()).not.to.contain("canary");
    });

  it("isn't shown whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 9 }), (text) => {
        const hidden = new Secret(text);
        return [String(hidden), JSON.stringify(hidden), inspect(hidden)].every(
          (shown) => !shown.includes(text),
        );
      }),
    );
  });
});
