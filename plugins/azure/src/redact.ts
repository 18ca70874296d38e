/** Takes secrets out of a text. */
export type Redact = (text: string) => string;

const HIDDEN = "[secret]";
// What looks like a secret, whoever's it is. A SAS is only a secret with its signature.
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/(\bsig=)[^&;\s"'<>]+/gi, `$1${HIDDEN}`],
  [/(\bAccountKey=)[^;\s"'<>]+/gi, `$1${HIDDEN}`],
  [/(\bBearer\s+)[A-Za-z0-9._~+/=-]{8,}/gi, `$1${HIDDEN}`],
  [/(\bSharedKey(?:Lite)?\s+[^\s:]+:)[A-Za-z0-9+/=]+/gi, `$1${HIDDEN}`],
  [/(The MAC signature found in the HTTP request ')[^']+/gi, `$1${HIDDEN}`],
];

/** @param secrets the sink's own, which are hidden wherever and however they are written */
export function redactor(secrets: readonly string[]): Redact {
  const known = [
    ...new Set(secrets.flatMap((secret) => [secret, encodeURIComponent(secret), decoded(secret)])),
  ].filter((secret) => secret.length > 0);
  // The longest first: one may be a part of another.
  known.sort((a, b) => b.length - a.length);
  return (text) => {
    const rest = known.reduce((result, secret) => result.replaceAll(secret, HIDDEN), text);
    return PATTERNS.reduce((result, [pattern, by]) => result.replace(pattern, by), rest);
  };
}

/** The secrets in a SAS or a connection string: the text itself, its signature, its key. */
export function secretsIn(text: string): readonly string[] {
  const found = [/\bsig=([^&;\s]+)/i, /\bAccountKey=([^;\s]+)/i].map((pattern) => pattern.exec(text)?.[1]);
  return [text, ...found.filter((secret) => secret !== undefined)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
