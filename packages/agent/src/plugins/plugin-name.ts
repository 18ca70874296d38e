import { isAbsolute, resolve } from "node:path";

/** What a `type:` that isn't built in stands for. */
export type PluginName =
  /** A module or a package's folder: absolute. */
  | { readonly kind: "path"; readonly path: string }
  /** Packages, in the order in which they are tried. */
  | { readonly kind: "package"; readonly packages: readonly [string, ...string[]] };

/** `type: webdav` is short for this and `webdav`. */
export const PACKAGE_PREFIX = "axon-backup-sink-";

const PART = /^[a-z0-9][a-z0-9._~-]*$/;
const MAX_NAME = 214;

/**
 * What `type` stands for; undefined when it can be neither a path nor an npm package's name.
 *
 * A path begins with `./`, `../` or `/`; a relative one begins at the configuration's folder. Everything else is the name of a package.
 * For a name without scope the package that is called so with the prefix goes first: npm's own `webdav` is a client, and no sink.
 */
export function parsePluginName(type: string, configuration: string): PluginName | undefined {
  if (isAbsolute(type) || /^\.\.?(\/|$)/.test(type))
    return { kind: "path", path: resolve(configuration, type) };
  if (type.length > MAX_NAME) return undefined;
  if (type.startsWith("@")) {
    const [scope = "", name = "", ...more] = type.slice(1).split("/");
    return PART.test(scope) && PART.test(name) && more.length === 0
      ? { kind: "package", packages: [type] }
      : undefined;
  }
  if (!PART.test(type)) return undefined;
  return {
    kind: "package",
    packages: type.startsWith(PACKAGE_PREFIX) ? [type] : [`${PACKAGE_PREFIX}${type}`, type],
  };
}
