import { expect } from "chai";
import { plugin } from "@axon-backup/sink-s3";

interface TagsSchema {
  readonly propertyNames: { readonly pattern: string };
  readonly additionalProperties: { readonly pattern: string };
}

describe("tags", () => {
  const { tags } = plugin.optionsSchema["properties"] as { readonly tags: TagsSchema };
  const name = new RegExp(tags.propertyNames.pattern, "u");
  const value = new RegExp(tags.additionalProperties.pattern, "u");

  it("have the characters that S3 takes, in any language", () => {
    for (const text of ["team", "cost center", "größe", "部署", "a+b-c=d.e_f:g/h@i", "laws:x"]) {
      expect(name.test(text), text).to.be.true;
      expect(value.test(text), text).to.be.true;
    }
    expect(value.test("")).to.be.true;
  });

  it("with others are refused with the configuration, before anything is stored", () => {
    for (const text of ["a&b", "a,b", "a\nb", "100%", "a?"]) {
      expect(name.test(text), text).to.be.false;
      expect(value.test(text), text).to.be.false;
    }
    for (const text of ["aws:x", "AWS:x"]) expect(name.test(text), text).to.be.false;
  });
});
