import type { JsonSchema } from "@axon-backup/sink";
import { SECRET_KEYWORD, type SecretReference } from "../secrets/reference.js";
import { DEFAULT_LISTEN, isLoopback, type ListenAddress, parseListen } from "../service/http/listen.js";
import { section } from "./schema-parts.js";
import type { SectionReader } from "./section-reader.js";

/** The service's own HTTP server: metrics, health and status. */
export interface ServiceConfiguration {
  /** Undefined: none. */
  readonly listen: ListenAddress | undefined;
  /** What callers must show. */
  readonly token?: SecretReference;
}

export const DEFAULT_SERVICE: ServiceConfiguration = { listen: DEFAULT_LISTEN };

/** As it is written, after the schema has been checked. */
export interface ServiceKeys {
  readonly listen?: string;
  readonly token?: SecretReference;
}

export const SERVICE_SCHEMA: JsonSchema = section(
  "The HTTP server of `axon-backup run`: metrics, health, and a page that shows how things stand. It can change nothing.",
  {
    listen: {
      type: "string",
      pattern: "^off$|^.+:[0-9]{1,5}$",
      description:
        "Address and port, as 127.0.0.1:9464 or [::1]:9464; or off. Default 127.0.0.1:9464, which no other machine reaches. Where others do, there must be a token.",
    },
    token: {
      [SECRET_KEYWORD]: true,
      description:
        "What callers must show, as `Authorization: Bearer …`: {file: …}, {env: …} or {credential: …}. Default: nothing.",
    },
  },
);

/** The section `service`; what is wrong is told to the reader. */
export function toServiceConfiguration(reader: SectionReader, keys: ServiceKeys): ServiceConfiguration {
  const listen =
    keys.listen === undefined
      ? DEFAULT_SERVICE.listen
      : keys.listen === "off"
        ? undefined
        : reader.read("listen", keys.listen, toAddress);
  if (listen && keys.token === undefined && !isLoopback(listen.host))
    reader.complain("listen", "other machines reach this address: set service.token, or listen on 127.0.0.1");
  return { listen, ...(keys.token && { token: keys.token }) };
}

function toAddress(text: string): ListenAddress {
  const address = parseListen(text);
  if (address) return address;
  throw new RangeError("not an address and a port: write 127.0.0.1:9464, or [::1]:9464, or off");
}
