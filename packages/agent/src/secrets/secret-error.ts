/** A secret can't be had. Names where it was to come from, never its value. */
export class SecretError extends Error {
  override readonly name = "SecretError";
  readonly remedy: string;

  constructor(message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.remedy = remedy;
  }
}
