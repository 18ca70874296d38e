/** Shorter values would turn ordinary text into `[secret]`; nobody guards anything with three characters. */
const MIN_LENGTH = 4;

/**
 * Takes secrets out of text. The last line of defence: a server that echoes the token in its error, a library that prints its request.
 * Everything that the agent prints goes through it.
 */
export class Redactor {
  readonly #forms = new Set<string>();

  /** Learns a secret, in every form that text may hold it in. */
  add(value: string): void {
    if (value.length < MIN_LENGTH) return;
    const base64 = Buffer.from(value).toString("base64");
    const forms = [
      value,
      JSON.stringify(value).slice(1, -1),
      encodeURIComponent(value),
      base64,
      base64.replace(/=+$/, ""),
    ];
    for (const form of forms) this.#forms.add(form);
  }

  /** `text` with `[secret]` for every secret in it. */
  redact(text: string): string {
    let clean = text;
    // Longest first: a secret that contains another must go as a whole.
    for (const form of [...this.#forms].sort((a, b) => b.length - a.length))
      clean = clean.replaceAll(form, "[secret]");
    return clean;
  }
}
