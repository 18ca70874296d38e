import sax from "sax";
import { SinkError } from "@axon-backup/sink";
import type { Connection } from "./connection.js";
import { networkError } from "./errors.js";

/** What the server says about a file or a collection. */
export interface Resource {
  /** Its path below the sink's collection, without a slash at the end. */
  readonly path: string;
  readonly collection: boolean;
  readonly size: number;
  readonly modified?: Date;
  readonly freeBytes?: number;
}

const PROPERTIES = "<resourcetype/><getcontentlength/><getlastmodified/>";
/** Asked for alone: some servers look at the whole file system for it. */
const QUOTA = "<quota-available-bytes/>";

/** What is at a URL; undefined when nothing is. */
export async function describe(
  connection: Connection,
  url: string,
  signal: AbortSignal | undefined,
): Promise<Resource | undefined> {
  for await (const resource of propfind(connection, url, "0", PROPERTIES, signal)) return resource;
  return undefined;
}

/** How many bytes can still be stored below a URL; undefined when the server doesn't tell. */
export async function freeBytes(
  connection: Connection,
  url: string,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  for await (const resource of propfind(connection, url, "0", QUOTA, signal)) return resource.freeBytes;
  return undefined;
}

/** What is in a collection, and the collection itself. Nothing when there is no such collection: it may go while a list runs. */
export function members(
  connection: Connection,
  url: string,
  signal: AbortSignal | undefined,
): AsyncIterable<Resource> {
  return propfind(connection, url, "1", PROPERTIES, signal);
}

/** Gives each resource as soon as its part of the answer is there: a collection may have more members than fit into memory. */
async function* propfind(
  connection: Connection,
  url: string,
  depth: "0" | "1",
  properties: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Resource, void, void> {
  const headers = { depth, "content-type": "application/xml; charset=utf-8" };
  const question = `<?xml version="1.0"?><propfind xmlns="DAV:"><prop>${properties}</prop></propfind>`;
  const request = { accept: [207, 404], headers, body: question, signal };
  const { statusCode, body } = await connection.open("PROPFIND", url, request);
  if (statusCode === 404) return void (await body.dump());
  const parser = new MultiStatus(connection);
  const decoder = new TextDecoder();
  try {
    for await (const chunk of body) {
      yield* parser.write(decoder.decode(chunk as Uint8Array, { stream: true }));
      signal?.throwIfAborted();
    }
    parser.end();
  } catch (error) {
    throw networkError(error, "PROPFIND", url, signal);
  }
}

const DAV = "DAV:";

/** A parser of the answer's XML, for as much of it as is there. */
class MultiStatus {
  readonly #sax = sax.parser(true, { xmlns: true });
  #found: Resource[] = [];
  #ended = false;

  constructor(connection: Connection) {
    let text = "";
    let properties: Record<string, string> = {};
    let collection = false;
    this.#sax.onopentag = ({ name }) => {
      const element = local(this.#sax.tag);
      text = "";
      if (name === "" || element === undefined) return;
      if (element === "response") [properties, collection] = [{}, false];
      if (element === "collection") collection = true;
    };
    this.#sax.ontext = this.#sax.oncdata = (part) => (text += part);
    this.#sax.onclosetag = () => {
      const element = local(this.#sax.tag);
      // Properties that the server doesn't have come too, empty.
      if (element !== undefined && text.trim() !== "") properties[element] ??= text.trim();
      text = "";
      if (element === "multistatus") this.#ended = true;
      if (element !== "response") return;
      const path = connection.path(properties["href"] ?? "");
      if (path !== undefined) this.#found.push(resource(path, collection, properties));
    };
    this.#sax.onerror = (error) => {
      throw notWebDav(error);
    };
  }

  write(xml: string): readonly Resource[] {
    this.#sax.write(xml);
    const found = this.#found;
    this.#found = [];
    return found;
  }

  /** An answer that was cut off must not look like a short one. */
  end(): void {
    if (!this.#ended) throw new SinkError("transient", "the server's answer ends in the middle");
  }
}

function local(tag: sax.Tag | sax.QualifiedTag | undefined): string | undefined {
  return tag !== undefined && "uri" in tag && tag.uri === DAV ? tag.local : undefined;
}

function resource(path: string, collection: boolean, properties: Record<string, string>): Resource {
  const size = Number(properties["getcontentlength"] ?? 0);
  if (!Number.isSafeInteger(size)) throw notWebDav(new Error("getcontentlength is no number"));
  const modified = new Date(properties["getlastmodified"] ?? Number.NaN);
  const free = Number(properties["quota-available-bytes"] ?? Number.NaN);
  return {
    path: path.replace(/\/$/, ""),
    collection,
    size,
    ...(Number.isNaN(modified.getTime()) ? {} : { modified }),
    ...(Number.isSafeInteger(free) ? { freeBytes: free } : {}),
  };
}

function notWebDav(cause: unknown): SinkError {
  return new SinkError("invalid", "the server's answer is not one of WebDAV", {
    cause,
    remedy: "See whether url is that of a WebDAV server.",
  });
}
