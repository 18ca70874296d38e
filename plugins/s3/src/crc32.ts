import { crc32 } from "node:zlib";

/** A CRC-32 (that of zip and of zlib) and how many bytes it is of. */
export interface Crc32 {
  readonly value: number;
  readonly length: number;
}

export function crcOf(bytes: Uint8Array): Crc32 {
  return { value: crc32(bytes), length: bytes.byteLength };
}

/** As S3's headers have it: four bytes, big-endian, in base64. */
export function toBase64({ value }: Crc32): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.toString("base64");
}

/** As the contract has it: eight hexadecimal digits. */
export function toHex({ value }: Crc32): string {
  return value.toString(16).padStart(8, "0");
}

/** A checksum of S3's headers; undefined for one that isn't over the whole object (`…-3`: over three parts' checksums). */
export function fromBase64(text: string | undefined, length: number): Crc32 | undefined {
  const bytes = text === undefined ? undefined : Buffer.from(text, "base64");
  if (bytes?.byteLength !== 4 || bytes.toString("base64") !== text) return undefined;
  return { value: bytes.readUInt32BE(), length };
}

/** A 32 x 32 matrix over GF(2), a number for each column. */
type Matrix = readonly number[];

const POLYNOMIAL = 0xedb88320;
/** What one zero bit does to a CRC. */
const ONE_BIT: Matrix = [POLYNOMIAL, ...Array.from({ length: 31 }, (_, row) => 2 ** row)];

/** The CRC of two pieces behind one another: of parts that are uploaded at the same time, none of them read twice. */
export function combine(first: Crc32, second: Crc32): Crc32 {
  let value = first.value;
  // The first one's register, moved on by the second one's length in zero bits: by powers of two, as zlib's crc32_combine does it.
  let step = ONE_BIT;
  for (let bits = BigInt(second.length) * 8n; bits > 0n; bits >>= 1n) {
    if (bits & 1n) value = times(step, value);
    step = step.map((column) => times(step, column));
  }
  return { value: (value ^ second.value) >>> 0, length: first.length + second.length };
}

function times(matrix: Matrix, vector: number): number {
  let sum = 0;
  for (let index = 0, rest = vector; rest !== 0; index++, rest >>>= 1)
    if (rest & 1) sum ^= matrix[index] ?? 0;
  return sum >>> 0;
}
