import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { plugin } from "@axon-backup/sink-sftp";
import { startSshd, type SshdServer } from "@axon-backup/test-servers";
import { leftoversAt } from "../repository.js";
import { flipBitInFile, newName, type Place, type Storage, versionsOfFiles } from "./storage.js";

export const sftp: Storage = {
  type: "sftp",
  server: "sshd",
  async start(options) {
    const server = await startSshd(options);
    return {
      host: server.host,
      port: server.port,
      newPlace: (directory) => newPlace(server, directory),
      restart: (options) => server.restart(options),
      close: () => server.close(),
    };
  },
};

async function newPlace(server: SshdServer, directory: string): Promise<Place> {
  const { host, port, user, path, root, hostKey, clientKey } = server;
  const name = newName();
  const files = join(root, name);
  const passphrase = randomBytes(16).toString("hex");
  const [keyFile, passphraseFile] = [join(directory, `${name}.key`), join(directory, `${name}.secret`)];
  copyFileSync(clientKey, keyFile);
  await promisify(execFile)("ssh-keygen", ["-q", "-p", "-P", "", "-N", passphrase, "-f", keyFile]);
  writeFileSync(passphraseFile, `${passphrase}\n`, { mode: 0o600 });
  return {
    yaml: (proxy) => [
      "type: sftp",
      `host: ${host}`,
      `port: ${proxy ?? port}`,
      `user: ${user}`,
      `path: ${path}/${name}`,
      `host_key: ${hostKey}`,
      `private_key: {file: ${keyFile}}`,
      `passphrase: {file: ${passphraseFile}}`,
    ],
    // Of the key, the lines that aren't the same in every key.
    secrets: [passphrase, ...readFileSync(keyFile, "latin1").split("\n").slice(2, -2)],
    open: (purpose) =>
      plugin.open(
        { host, port, user, path: `${path}/${name}`, host_key: hostKey, private_key_file: clientKey },
        { name: "direct", purpose },
      ),
    flipBit: (key, at) => {
      flipBitInFile(join(files, key), at);
      return Promise.resolve();
    },
    versions: () => Promise.resolve(versionsOfFiles(files)),
    leftovers: () => leftoversAt(files).filter((left) => !left.startsWith("checkpoints/")),
  };
}
