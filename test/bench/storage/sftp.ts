import { copyFile, chmod } from "node:fs/promises";
import { join } from "node:path";
import { plugin } from "@axon-backup/sink-sftp";
import { type SshdServer, startSshd } from "@axon-backup/test-servers";
import { type Place, rcloneRemote, type Storage } from "./model.js";

export const sftp: Storage = {
  type: "sftp",
  async start(directory) {
    const server = await startSshd();
    // ssh and scp refuse a key that belongs to somebody else, or that others may read.
    const key = join(directory, "client-key");
    await copyFile(server.clientKey, key);
    await chmod(key, 0o600);
    return {
      description: "OpenSSH's sshd with internal-sftp",
      port: server.port,
      directory: server.root,
      http: false,
      newPlace: (name) => Promise.resolve(place(server, key, name)),
      close: () => server.close(),
    };
  },
};

function place(server: SshdServer, key: string, name: string): Place {
  const { host, user, hostKey, knownHostsFile } = server;
  const path = `${server.path}/${name}`;
  const options = ["-i", key, "-o", "IdentitiesOnly=yes", "-o", `UserKnownHostsFile=${knownHostsFile}`];
  return {
    yaml: (port = server.port) => [
      "type: sftp",
      `host: ${host}`,
      `port: ${port}`,
      `user: ${user}`,
      `path: ${path}`,
      `host_key: ${hostKey}`,
      `private_key: {file: ${key}}`,
    ],
    rclone: (port = server.port) =>
      rcloneRemote(path, {
        TYPE: "sftp",
        HOST: host,
        PORT: String(port),
        USER: user,
        KEY_FILE: key,
        KNOWN_HOSTS_FILE: knownHostsFile,
        // The server runs no commands, so that rclone can't ask it for checksums.
        SHELL_TYPE: "none",
      }),
    restic: (port = server.port) => ({
      repository: `sftp:${user}@${host}:${path}`,
      args: ["-o", `sftp.command=ssh -p ${port} ${options.join(" ")} ${user}@${host} -s sftp`],
      env: {},
    }),
    copy: {
      command: ["scp", "-q", "-r", "-P", String(server.port), ...options],
      path: `${user}@${host}:${path}`,
    },
    open: (purpose, port = server.port) =>
      plugin.open(
        { host, port, user, path, host_key: hostKey, private_key_file: key },
        { name: "bench", purpose },
      ),
  };
}
