import { join, resolve } from "node:path";
import { UsageError } from "../errors/usage-error.js";

/** A sink to be written. */
export interface SinkSpec {
  readonly name: string;
  readonly type: string;
  /** The plugin's options that are set. */
  readonly options: Readonly<Record<string, unknown>>;
}

const NAME = /^[a-z0-9][a-z0-9-]*$/;

/** How each type's place is written. */
export const SINK_FORMS: Readonly<Record<string, string>> = {
  local: "local:/mnt/nas/axon",
  s3: "s3:BUCKET/PREFIX",
  azure: "azure:ACCOUNT/CONTAINER/PREFIX",
  sftp: "sftp:USER@HOST:PORT/PATH",
};

const FORMS = Object.values(SINK_FORMS).join(", ");

/**
 * The sinks of texts as `local:/mnt/nas/axon` or `offsite=s3:bucket/prefix`. One without a name is called after its type.
 * @throws UsageError
 */
export function parseSinks(texts: readonly string[]): readonly SinkSpec[] {
  const names = new Set<string>();
  return texts.map((text) => {
    const [, given, type = "", place = ""] = /^(?:([^=:/]*)=)?([^:]*):(.*)$/s.exec(text) ?? [];
    const read = Object.hasOwn(READ, type) ? READ[type] : undefined;
    if (read === undefined || place === "") throw wrong(text);
    const options = read(place);
    if (options === undefined) throw wrong(text, SINK_FORMS[type]);
    const name = given ?? freeName(type, names);
    if (!NAME.test(name))
      throw new UsageError(
        `${JSON.stringify(name.slice(0, 80))} can't be a sink's name`,
        "Lower-case letters, digits and -, not beginning with -, as nas=local:/mnt/nas/axon.",
      );
    if (names.has(name))
      throw new UsageError(`there are two sinks called ${name}`, "Give each another name.");
    names.add(name);
    return { name, type, options };
  });
}

/**
 * A sink with what it logs in with, for types that have nothing else: a file that the operator puts there.
 * @param directory the configuration's folder
 */
export function withLogin(spec: SinkSpec, directory: string): SinkSpec {
  if (spec.type !== "sftp") return spec;
  return {
    ...spec,
    options: { ...spec.options, private_key_file: join(directory, "secrets", `${spec.name}-key`) },
  };
}

function freeName(type: string, taken: ReadonlySet<string>): string {
  for (let count = 1; ; count++) {
    const name = count === 1 ? type : `${type}-${count}`;
    if (!taken.has(name)) return name;
  }
}

function wrong(text: string, form = FORMS): UsageError {
  return new UsageError(
    `${JSON.stringify(text.slice(0, 80))} is not a sink`,
    `Write its type and its place, as ${form}; with a name of your own, as offsite=${form.split(",")[0] ?? ""}.`,
  );
}

type Options = Readonly<Record<string, unknown>>;

/** The options of a place; undefined when it isn't one. How to log in is chosen so that no secret is needed here. */
const READ: Readonly<Record<string, (place: string) => Options | undefined>> = {
  local: (place) => ({ path: resolve(place) }),
  s3: (place) => {
    const [bucket = "", ...prefix] = place.split("/");
    return bucket === "" ? undefined : { bucket, ...prefixOf(prefix) };
  },
  azure: (place) => {
    const [account = "", container = "", ...prefix] = place.split("/");
    return account === "" || container === ""
      ? undefined
      : { container, ...prefixOf(prefix), account, credential: "default" };
  },
  sftp: (place) => {
    const match = /^([^@/\s]+)@(\[[^\]]+\]|[^:/\s]+)(?::(\d{1,5}))?(\/.+)$/s.exec(place);
    if (match === null) return undefined;
    const [, user = "", host = "", port, path = ""] = match;
    return {
      host: host.replace(/^\[(.*)\]$/, "$1"),
      ...(port === undefined ? {} : { port: Number(port) }),
      user,
      // As in scp's URLs: below ~ is below where a session begins.
      path: path.startsWith("/~/") ? path.slice(3) : path,
    };
  },
};

function prefixOf(parts: readonly string[]): Options {
  const prefix = parts.filter((part) => part !== "").join("/");
  return prefix === "" ? {} : { prefix };
}
