/** Where a secret comes from. The configuration holds only this. */
export type SecretReference =
  { readonly file: string } | { readonly env: string } | { readonly credential: string };

/** Keyword of our JSON Schemas: the value must be a secret reference; with `"path-allowed"`, the path of a file will do as well. */
export const SECRET_KEYWORD = "x-secret-reference";

const FORMS = "{file: /path}, {env: NAME} or {credential: name}";

/**
 * What is wrong with `value` as a secret reference; undefined when nothing is. The text never holds the value: whoever wrote the secret
 * itself into the file must not find it in a log as well.
 */
export function secretReferenceProblem(value: unknown, pathAllowed: boolean): string | undefined {
  if (typeof value === "string") {
    if (!pathAllowed)
      return `must be a reference to a secret: ${FORMS}; the secret itself doesn't belong into a configuration file`;
    return value.startsWith("/")
      ? undefined
      : `must be an absolute path or a reference to a secret: ${FORMS}`;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return `must be a reference to a secret: ${FORMS}`;
  const entries = Object.entries(value);
  const [entry] = entries;
  if (entry === undefined || entries.length > 1) return `must be exactly one of ${FORMS}`;
  const [kind, target] = entry as [string, unknown];
  if (typeof target !== "string" || target === "")
    return `must be one of ${FORMS}, with a name that isn't empty`;
  switch (kind) {
    case "file":
      return target.startsWith("/") ? undefined : "the secret's file must be an absolute path";
    case "env":
      return /^[A-Za-z_][A-Za-z0-9_]*$/.test(target)
        ? undefined
        : "env must name an environment variable (letters, digits, _)";
    case "credential":
      return /^[A-Za-z0-9._@-]+$/.test(target) && !target.startsWith(".")
        ? undefined
        : "credential must be the name of a systemd credential (letters, digits, . _ @ -)";
    default:
      return `must be one of ${FORMS}`;
  }
}

/** `value`, which `secretReferenceProblem` found right, as a reference. */
export function toSecretReference(value: SecretReference | string): SecretReference {
  return typeof value === "string" ? { file: value } : value;
}

/** For people: `file /etc/axon-backup/token`. */
export function describeReference(reference: SecretReference): string {
  if ("file" in reference) return `file ${reference.file}`;
  if ("env" in reference) return `environment variable ${reference.env}`;
  return `systemd credential ${reference.credential}`;
}
