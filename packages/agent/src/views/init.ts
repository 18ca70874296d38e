import type { DescribedServer } from "../commands/init.js";
import type { Hint } from "../init/find-files.js";
import type { FoundServer } from "../init/find-server.js";
import { printable } from "../output/printable.js";
import { shellQuoted } from "./shell-quoted.js";

/** What `init` found out, and wrote. */
export interface InitReport {
  readonly directory: string;
  /** Undefined when agent.yaml was there already: the server wasn't asked. */
  readonly server: DescribedServer | undefined;
  readonly files: readonly { readonly file: string; readonly written: boolean }[];
  /** Files that were there, and were not even thought of. */
  readonly kept: readonly string[];
  readonly hints: readonly Hint[];
}

export function initJson({ directory, server, files, kept, hints }: InitReport): object {
  return {
    directory,
    server: server === undefined ? null : serverJson(server),
    written: files.filter(({ written }) => written).map(({ file }) => file),
    kept: [...kept, ...files.filter(({ written }) => !written).map(({ file }) => file)],
    hints,
  };
}

function serverJson({ url, identity, contexts, storage, controlDb, paths }: DescribedServer): object {
  const { edition, version, nodeName, authentication } = identity;
  return {
    url,
    edition,
    version,
    nodeName,
    authentication,
    contexts: contexts ?? identity.contexts,
    storage,
    controlDb,
    paths,
  };
}

/** A server in a line. */
export function serverText({ url, identity }: Pick<FoundServer, "url" | "identity">): string {
  const { edition, version, nodeName, contexts } = identity;
  return printable(
    `Axon Server ${edition} ${version}, node ${nodeName}, at ${url}: ${contexts.length === 0 ? "no contexts" : contexts.join(", ")}`,
  );
}

export function initText(report: InitReport): string {
  const { directory, server, files, kept, hints } = report;
  const lines: string[] = [];
  if (server !== undefined) {
    const { storage, paths, controlDb } = server;
    lines.push(serverText(server), `  files in ${storage.join(", ") || "directories that aren't known yet"}`);
    for (const path of paths) lines.push(`  ${path.server} there is ${path.local} here`);
    lines.push(`  control DB backups in ${controlDb.join(", ") || "a directory that isn't known yet"}`, "");
  }
  for (const file of kept) lines.push(`kept    ${file}: it is there already`);
  for (const { file, written } of files)
    lines.push(written ? `wrote   ${file}` : `kept    ${file}: it is there already`);
  for (const { message, remedy } of hints) {
    lines.push("", `warning  ${message}`);
    if (remedy !== null) lines.push(`         → ${remedy}`);
  }
  lines.push("", ...next(directory, files));
  return `${lines.map(printable).join("\n")}\n`;
}

function next(directory: string, files: InitReport["files"]): readonly string[] {
  if (!files.some(({ written }) => written))
    return [
      "Nothing was written: every file is there already. Edit them, or name another folder with --config DIR.",
    ];
  const at = directory === "/etc/axon-backup" ? "" : ` --config ${shellQuoted(directory)}`;
  return [
    "Look at what was written: every key is there, most of them commented out. Then:",
    `  axon-backup${at} check`,
    `  axon-backup${at} backup`,
  ];
}
