/** A sink's plugin can't be had, or isn't one. */
export class PluginError extends Error {
  override readonly name: string = "PluginError";
  readonly remedy: string;

  /** @param message reads on after the file, line and key that name the plugin */
  constructor(message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.remedy = remedy;
  }
}

/** No package of a plugin's name is installed. */
export class NotInstalledError extends PluginError {
  override readonly name = "NotInstalledError";
}
