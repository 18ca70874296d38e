import { pino } from "pino";
import type { LogConfiguration } from "../config/types.js";
import { printable } from "./printable.js";
import type { OutputStream } from "./streams.js";

export type LogLevel = LogConfiguration["level"];

/** Structured logging. Fields are JSON values. */
export type Log = Readonly<
  Record<LogLevel, (message: string, fields?: Readonly<Record<string, unknown>>) => void>
>;

/** How a line of a level is written, where not all are written in the same way. */
export type StreamOf = (level: LogLevel) => OutputStream;

/** A JSON object a line: `{"level":"info","time":"2026-…","msg":"committed","sink":"nas",…}`. */
export function jsonLog(level: LogLevel, stream: OutputStream | StreamOf): Log {
  let writing = streamOf(stream, level);
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => void writing.write(line) },
  );
  const at =
    (name: LogLevel) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      writing = streamOf(stream, name);
      logger[name](fields, message);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function streamOf(stream: OutputStream | StreamOf, level: LogLevel): OutputStream {
  return typeof stream === "function" ? stream(level) : stream;
}

const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error"];
const PREFIX: Readonly<Record<LogLevel, string>> = {
  debug: "debug: ",
  info: "",
  warn: "warning: ",
  error: "error: ",
};

/** For people: `warning: nas: the file …`. Of the fields only the sink is shown; `debug` lines show all. */
export function textLog(level: LogLevel, stream: OutputStream | StreamOf): Log {
  const at =
    (name: LogLevel) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      if (ORDER.indexOf(name) < ORDER.indexOf(level)) return;
      const { sink, ...others } = fields;
      const details = name === "debug" && Object.keys(others).length > 0 ? ` ${JSON.stringify(others)}` : "";
      streamOf(stream, name).write(
        `${PREFIX[name]}${typeof sink === "string" ? `${printable(sink)}: ` : ""}${printable(message)}${details}\n`,
      );
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
