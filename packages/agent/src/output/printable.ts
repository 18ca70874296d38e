/**
 * `text` without what could steer a terminal (escape sequences, line breaks) or reverse the order of reading: names come from servers
 * and storages that are not to be trusted.
 */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
