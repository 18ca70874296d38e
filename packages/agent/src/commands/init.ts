import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { inject, injectable } from "tsyringe";
import { unknownVersion } from "../checks/version.js";
import type { GlobalOptions } from "../cli/request.js";
import type { OpenServer } from "../composition/source.js";
import { GLOBALS, OPEN_SERVER, OUTPUT, PLUGINS, SIGNAL, STREAMS } from "../composition/tokens.js";
import { ConfigurationError } from "../config/problem.js";
import type { SinkPlugins } from "../config/sink-file.js";
import { sinkSchema } from "../config/sink-schema.js";
import { UsageError } from "../errors/usage-error.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import { agentFile, sinkFile } from "../init/files.js";
import { type FoundFiles, findFiles, type Hint } from "../init/find-files.js";
import { type Finding, findServer, type FoundServer } from "../init/find-server.js";
import { Questions } from "../init/questions.js";
import { type InitRequest, parseContexts } from "../init/request.js";
import { parseSinks, SINK_FORMS, type SinkSpec, withLogin } from "../init/sink-spec.js";
import { type NewFile, tryToLoad } from "../init/stage.js";
import { exists, makeFolder, writeNew } from "../init/write-new.js";
import type { Output } from "../output/output.js";
import type { Streams } from "../output/streams.js";
import { initJson, type InitReport, initText, serverText } from "../views/init.js";

/** What became of it, and whether `check` is to follow. */
export interface InitEnd {
  readonly code: ExitCode;
  readonly check: boolean;
}

/** `axon-backup init`: writes a configuration for the server that is there. */
@injectable()
export class InitCommand {
  constructor(
    @inject(PLUGINS) private readonly plugins: SinkPlugins,
    @inject(OPEN_SERVER) private readonly open: OpenServer,
    @inject(GLOBALS) private readonly globals: GlobalOptions,
    @inject(OUTPUT) private readonly output: Output,
    @inject(STREAMS) private readonly streams: Streams,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run(request: InitRequest): Promise<InitEnd> {
    const directory = resolve(this.globals.config);
    await requireFolders(directory, request);
    const questions = new Questions(this.streams, !request.yes, this.signal);
    const finding: Finding = { open: this.open, questions, signal: this.signal };
    const isNew = await whileReading(directory, async () => !(await exists(join(directory, "agent.yaml"))));
    if (!isNew) questions.say(`${join(directory, "agent.yaml")} is there already, and stays as it is.`);
    const there = await sinksIn(directory);
    if (request.sinks.length === 0 && there.length === 0 && !questions.asks) throw noSink();
    const server = isNew ? await this.#describeServer(request, finding) : undefined;
    const asked = request.sinks.length > 0 ? request.sinks : await askForSinks(questions, there);
    const sinks = parseSinks(asked).map((spec) => withLogin(spec, directory));

    const files: NewFile[] = server === undefined ? [] : [agentYaml(server)];
    for (const spec of sinks) files.push(await this.#sinkYaml(spec, directory));
    await tryToLoad(files, this.plugins, this.signal);
    const written = await write(directory, files);
    const report: InitReport = {
      directory,
      server,
      files: files.map(({ name }) => ({ file: join(directory, name), written: written.has(name) })),
      kept: isNew ? [] : [join(directory, "agent.yaml")],
      hints: [...(server?.hints ?? []), ...(await missingKeys(sinks))],
    };
    this.output.result({ json: initJson(report), text: initText(report) });
    if (written.size === 0) return { code: EXIT_CODES.failed, check: false };
    const check = request.check ?? (await questions.confirm("Check now whether everything is there?"));
    return { code: EXIT_CODES.ok, check };
  }

  async #describeServer(request: InitRequest, finding: Finding): Promise<DescribedServer> {
    const { questions } = finding;
    const server = await findServer(request, finding);
    questions.say(serverText(server));
    const contexts = await chooseContexts(server, request, questions);
    const found = await findFiles(server, contexts ?? server.identity.contexts, request, finding);
    return { ...server, ...found, contexts, hints: [...serverHints(server), ...found.hints] };
  }

  async #sinkYaml(spec: SinkSpec, directory: string): Promise<NewFile> {
    const { plugin } = await this.plugins.load(spec.type, directory);
    const text = sinkFile(spec, plugin.description, sinkSchema(plugin.optionsSchema));
    return { name: `sinks.d/${spec.name}.yaml`, text };
  }
}

/** What was named must be what it is named for, before anything is asked or written. @throws UsageError */
async function requireFolders(config: string, { storage, controlDb }: InitRequest): Promise<void> {
  if ((await kindOf(config)) === "other")
    throw new UsageError(
      `--config: ${config} is a file`,
      "Name a folder: agent.yaml and sinks.d are written into it. Nothing was written.",
    );
  for (const [option, paths] of [
    ["--storage", storage],
    ["--control-db", controlDb],
  ] as const)
    for (const path of paths) {
      const kind = await kindOf(path);
      if (kind === "missing")
        throw new UsageError(
          `${option}: ${path} is not there`,
          "Name the directory as this machine has it, and mount it first if it is on another one. Left out, it is found out by asking the server. Nothing was written.",
        );
      if (kind === "other")
        throw new UsageError(
          `${option}: ${path} is no directory`,
          "Name the directory that the server's files are in. Nothing was written.",
        );
    }
}

/** @returns `unknown` where this user can't see it */
async function kindOf(path: string): Promise<"directory" | "other" | "missing" | "unknown"> {
  try {
    return (await stat(path)).isDirectory() ? "directory" : "other";
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return code === "ENOENT" || code === "ENOTDIR" ? "missing" : "unknown";
  }
}

/** A server, with what is to be backed up of it. */
export type DescribedServer = FoundServer &
  FoundFiles & {
    /** Undefined: every one, also those that come later. */
    readonly contexts: readonly string[] | undefined;
  };

async function chooseContexts(
  { identity }: FoundServer,
  request: InitRequest,
  questions: Questions,
): Promise<readonly string[] | undefined> {
  const chosen =
    request.contexts ??
    parseContexts(await questions.text(`Contexts to back up (${identity.contexts.join(", ")})`, "all"));
  if (chosen === "all") return undefined;
  const unknown = chosen.filter((context) => !identity.contexts.includes(context));
  if (unknown.length === 0) return chosen;
  throw new UsageError(
    `--contexts: the server doesn't store ${unknown.join(", ")}`,
    `It stores ${identity.contexts.join(", ") || "none"}. Nothing was written.`,
  );
}

function serverHints({ identity }: FoundServer): readonly Hint[] {
  const unknown = unknownVersion(identity.version);
  return [
    ...(unknown === undefined
      ? []
      : [
          {
            message: `the server's version ${identity.version} is ${unknown}`,
            remedy: "Try a restore before you rely on it.",
          },
        ]),
    ...(identity.edition === "SE"
      ? []
      : [
          {
            message: "the server is a node of a cluster",
            remedy: "This version of axon-backup can't copy replication logs yet, and refuses to back it up.",
          },
        ]),
  ];
}

function agentYaml(server: DescribedServer): NewFile {
  const { url, tokenFile, ca, storage, controlDb, paths, contexts, identity } = server;
  const values = {
    url,
    ...(tokenFile === undefined ? {} : { token: { file: tokenFile } }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(storage.length === 0 ? {} : { storage }),
    ...(controlDb.length === 0 ? {} : { control_db: controlDb }),
    ...(paths.length === 0 ? {} : { paths }),
  };
  const notes = [
    `Written for ${identity.nodeName}, Axon Server ${identity.edition} ${identity.version}, with the contexts ${identity.contexts.join(", ")}.`,
  ];
  return { name: "agent.yaml", text: agentFile({ server: values, contexts }, notes) };
}

/** Until there is enough of them. */
async function askForSinks(questions: Questions, there: readonly string[]): Promise<readonly string[]> {
  const texts: string[] = [];
  if (questions.asks)
    questions.say(
      `Where to keep backups: ${Object.values(SINK_FORMS).join(", ")}; with a name, as nas=local:/mnt/nas/axon.`,
    );
  for (;;) {
    const first = texts.length === 0 && there.length === 0;
    const text = await questions.text(
      first ? "Where to" : "Another place (empty: no more)",
      first ? "local:/var/backups/axon" : "",
    );
    if (text === "") return texts;
    try {
      parseSinks([...texts, text]);
      texts.push(text);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      questions.say(`${error.message}. ${error.remedy}`);
    }
  }
}

async function sinksIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(join(directory, "sinks.d"))).filter((name) => name.endsWith(".yaml"));
  } catch {
    // Whatever is wrong with it shows when something is written there.
    return [];
  }
}

/** Keys to log in with that the operator has to put there. */
async function missingKeys(sinks: readonly SinkSpec[]): Promise<readonly Hint[]> {
  const hints: Hint[] = [];
  for (const { name, options } of sinks) {
    const key = options["private_key_file"];
    if (typeof key !== "string" || (await exists(key).catch(() => true))) continue;
    hints.push({
      message: `the sink ${name} logs in with a key in ${key}, and there is none yet`,
      remedy: `Make one for the agent's user (ssh-keygen -t ed25519 -N '' -f ${key}), and add ${key}.pub to the authorized_keys of ${String(options["user"])} on ${String(options["host"])}.`,
    });
  }
  return hints;
}

/** @returns the names of those that weren't there, and are now */
async function write(directory: string, files: readonly NewFile[]): Promise<ReadonlySet<string>> {
  const written = new Set<string>();
  for (const { name, text } of files)
    await whileReading(join(directory, name), async () => {
      await makeFolder(join(directory, name, ".."));
      if (await writeNew(join(directory, name), text)) written.add(name);
    });
  return written;
}

/** The system's errors as what the operator can do. */
async function whileReading<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) throw error;
    throw new ConfigurationError(
      [{ file, key: "", message: `can't be written (${String(error.code)})` }],
      "Run it as a user that may write there, or name another folder with --config DIR.",
    );
  }
}

function noSink(): UsageError {
  return new UsageError(
    "--sink is missing, and there is no terminal to ask at",
    `Say where to keep backups: --sink ${Object.values(SINK_FORMS).join(", or --sink ")}.`,
  );
}
