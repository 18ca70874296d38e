import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import ssh2, { type Connection } from "ssh2";

/** An SSH server that takes passwords, which OpenSSH does for users of the machine alone; its SFTP has no extensions and one empty directory. */
export interface StandIn {
  readonly port: number;
  readonly fingerprintKey: Buffer;
  close(): void;
}

export interface StandInOptions {
  readonly password: string;
  /** Ask for it by a question, as PAM does. */
  readonly asks?: boolean;
}

export async function startStandIn({ password, asks = false }: StandInOptions): Promise<StandIn> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
  const parsed = ssh2.utils.parseKey(pem);
  if (parsed instanceof Error) throw parsed;
  const clients = new Set<Connection>();
  const server = new ssh2.Server({ hostKeys: [pem] }, (client) => {
    clients.add(client);
    client.on("error", () => undefined).on("close", () => clients.delete(client));
    client.on("authentication", (context) => {
      if (asks && context.method === "keyboard-interactive")
        context.prompt([{ prompt: "Password:", echo: false }], (answers) => {
          if (answers[0] === password) context.accept();
          else context.reject(["keyboard-interactive"]);
        });
      else if (!asks && context.method === "password" && context.password === password) context.accept();
      else context.reject([asks ? "keyboard-interactive" : "password"]);
    });
    client.on("session", (accept) => {
      accept().on("sftp", (acceptSftp) => {
        const sftp = acceptSftp();
        const attributes = { mode: 0o40755, uid: 0, gid: 0, size: 0, atime: 0, mtime: 0 };
        sftp.on("REALPATH", (id) => {
          sftp.name(id, [{ filename: "/home", longname: "/home", attrs: attributes }]);
        });
        sftp.on("STAT", (id) => {
          sftp.attrs(id, attributes);
        });
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    fingerprintKey: parsed.getPublicSSH(),
    close: () => {
      for (const client of clients) client.end();
      server.close();
    },
  };
}
