import { crc32 } from "node:zlib";
import { expect } from "chai";
import fc from "fast-check";
import { combine, crcOf, fromBase64, toBase64 } from "../dist/crc32.js";

describe("CRC32", () => {
  it("of two pieces is put together from theirs", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.uint8Array({ maxLength: 5000 }), (first, second) => {
        const whole = combine(crcOf(first), crcOf(second));
        expect(whole).to.deep.equal({
          value: crc32(second, crc32(first)),
          length: first.byteLength + second.byteLength,
        });
      }),
    );
  });

  it("goes to S3's form and back, and a checksum of checksums isn't taken for one", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const crc = crcOf(bytes);
        expect(fromBase64(toBase64(crc), crc.length)).to.deep.equal(crc);
        expect(fromBase64(`${toBase64(crc)}-3`, crc.length)).to.be.undefined;
      }),
    );
    expect(fromBase64(undefined, 1)).to.be.undefined;
  });
});
