/** Characters that could deceive whoever reads a message: control, format (direction marks), surrogates, separators but the space. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * What somebody else wrote, for use in a message: in quotes, unprintable characters escaped, at most `limit` characters of it (cut in the
 * middle: both ends tell something).
 */
export function quote(text: string, limit = 200): string {
  const half = Math.floor(limit / 2);
  const cut =
    text.length <= limit
      ? text
      : `${text.slice(0, half)}…(${text.length - 2 * half} characters left out)…${text.slice(-half)}`;
  const escaped = cut
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
  return `"${escaped}"`;
}
