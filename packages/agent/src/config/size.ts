const UNITS: Readonly<Record<string, number>> = {
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
};

/** A size as the operator writes it: a number and its unit. */
export const SIZE_PATTERN = "^[0-9]+(\\.[0-9]+)?(KiB|MiB|GiB|kB|MB|GB)$";

/**
 * Bytes of `10MiB`, `512KiB`, `1.5GB`.
 * @throws RangeError if `text` isn't a size, or is less than `least` bytes
 */
export function parseSize(text: string, least: number): number {
  const match = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB|kB|MB|GB)$/.exec(text);
  const bytes = Math.round(Number(match?.[1]) * (UNITS[match?.[2] ?? ""] ?? NaN));
  if (!Number.isSafeInteger(bytes) || bytes < least)
    throw new RangeError(
      `not a size: write a number and KiB, MiB, GiB, kB, MB or GB, as 10MiB; at least ${least} bytes`,
    );
  return bytes;
}
