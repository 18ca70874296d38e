import { isIPv4, isIPv6 } from "node:net";

/** Where the service listens for HTTP. */
export interface ListenAddress {
  /** An IP address or a host name, without brackets. */
  readonly host: string;
  /** 0 to 65535; 0 lets the system choose one. */
  readonly port: number;
}

/** Where it listens when the configuration doesn't say. */
export const DEFAULT_LISTEN: ListenAddress = { host: "127.0.0.1", port: 9464 };

/** `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464`. @returns undefined for what is no such address */
export function parseListen(text: string): ListenAddress | undefined {
  const [, ipv6, name, digits] = /^(?:\[([^\]]+)\]|([^:[\]\s/]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = ipv6 ?? name;
  const port = Number(digits);
  if (host === undefined || port > 65535) return undefined;
  if (ipv6 !== undefined && !isIPv6(ipv6)) return undefined;
  return { host, port };
}

/** As `parseListen` takes it. */
export function formatListen({ host, port }: ListenAddress): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Whether only this machine reaches `host`. Of names only `localhost` and what is below it is known to be such a one. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (isIPv4(name)) return name.startsWith("127.");
  if (isIPv6(name)) return /^(?:0*:)*:?0*1$/.test(name) || name.startsWith("::ffff:127.");
  return name === "localhost" || name.endsWith(".localhost");
}

/** The service can't listen where it was told to. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.remedy = remedy;
  }
}
