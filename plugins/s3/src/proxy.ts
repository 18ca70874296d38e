import { Agent as HttpAgent, type ClientRequestArgs } from "node:http";
import { Agent as HttpsAgent, type AgentOptions } from "node:https";
import { connect, isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";

/** Longest answer of a proxy to CONNECT, in bytes. */
const MAX_ANSWER = 16 * 1024;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a host, as the environment has it: HTTPS_PROXY (HTTP_PROXY for http), else ALL_PROXY, unless NO_PROXY names the host. Lower
 * case comes first. NO_PROXY is a list of `*`, hosts, and domains (`.example.com`, `example.com`), each with a port if wanted.
 */
export function proxyFor(
  protocol: "http:" | "https:",
  host: string,
  port: number,
  environment: Environment = process.env,
): URL | undefined {
  const value = (name: string): string | undefined =>
    [environment[name.toLowerCase()], environment[name]].find((text) => text !== undefined && text !== "");
  const proxy = value(protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY") ?? value("ALL_PROXY");
  if (proxy === undefined || excluded(host.toLowerCase(), port, value("NO_PROXY") ?? "")) return undefined;
  return new URL(proxy.includes("://") ? proxy : `http://${proxy}`);
}

function excluded(host: string, port: number, list: string): boolean {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      const [, name = "", only] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry) ?? [];
      if (entry === "*") return true;
      if (name === "" || (only !== undefined && Number(only) !== port)) return false;
      return host === name || host.endsWith(`.${name}`);
    });
}

/** Agents that go through the environment's proxy, where it names one, by CONNECT. */
export function agents(options: AgentOptions): { readonly http: HttpAgent; readonly https: HttpsAgent } {
  return { http: new TunnelHttpAgent(options), https: new TunnelHttpsAgent(options) };
}

type Callback = (error: Error | null, stream: Duplex) => void;

function place({ host, port }: Pick<ClientRequestArgs, "host" | "port">): {
  readonly host: string;
  readonly port: number;
} {
  return { host: host ?? "localhost", port: Number(port) };
}

class TunnelHttpAgent extends HttpAgent {
  override createConnection(
    options: ClientRequestArgs,
    callback?: Callback,
  ): ReturnType<HttpAgent["createConnection"]> {
    const { host, port } = place(options);
    const proxy = proxyFor("http:", host, port);
    if (proxy === undefined || callback === undefined) return super.createConnection(options, callback);
    tunnel(proxy, host, port).then((socket) => { callback(null, socket); }, fail(callback)); // prettier-ignore
    return undefined;
  }
}

class TunnelHttpsAgent extends HttpsAgent {
  override createConnection(
    options: Parameters<HttpsAgent["createConnection"]>[0],
    callback?: Callback,
  ): ReturnType<HttpsAgent["createConnection"]> {
    const { host, port } = place(options);
    const proxy = proxyFor("https:", host, port);
    if (proxy === undefined || callback === undefined) return super.createConnection(options, callback);
    const servername = isIP(host) === 0 ? { servername: host } : {};
    tunnel(proxy, host, port).then((socket) => {
      callback(null, connectTls({ ...servername, ...this.options, socket }));
    }, fail(callback));
    return undefined;
  }
}

function fail(callback: Callback): (error: unknown) => void {
  // Node looks at the error alone.
  return (error) => { (callback as (error: unknown) => void)(error); }; // prettier-ignore
}

/** A connection to `host` through a proxy. */
async function tunnel(proxy: URL, host: string, port: number): Promise<Socket> {
  const secure = proxy.protocol === "https:";
  const to = {
    host: proxy.hostname.replace(/^\[|\]$/g, ""),
    port: proxy.port === "" ? (secure ? 443 : 80) : Number(proxy.port),
  };
  const socket = secure ? connectTls({ ...to, servername: to.host }) : connect(to);
  try {
    const name = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    const user = [proxy.username, proxy.password].map(decodeURIComponent).join(":");
    const login =
      proxy.username === "" ? "" : `Proxy-Authorization: Basic ${Buffer.from(user).toString("base64")}\r\n`;
    socket.setNoDelay(true);
    socket.write(`CONNECT ${name} HTTP/1.1\r\nHost: ${name}\r\n${login}\r\n`);
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(await answer(socket))?.[1];
    if (status !== "200")
      throw Object.assign(
        new Error(`the proxy ${proxy.host} answers ${status ?? "something else than HTTP"}`),
        { code: status === "407" ? "PROXY_AUTHENTICATION" : "PROXY_REFUSES" },
      );
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** The head of the proxy's answer; nothing comes after it before the client speaks, so that the socket needn't pause (it would stay so). */
function answer(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const end = (): void => {
      socket.off("data", onData).off("error", onError).off("close", onClose);
    };
    const onData = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      if (!text.includes("\r\n\r\n") && text.length < MAX_ANSWER) return;
      end();
      resolve(text);
    };
    const onError = (error: Error): void => {
      end();
      reject(error);
    };
    const onClose = (): void => {
      onError(Object.assign(new Error("the proxy closed the connection"), { code: "ECONNRESET" }));
    };
    socket.on("data", onData).on("error", onError).on("close", onClose);
  });
}
