import type { DependencyContainer } from "tsyringe";
import type { ExitCode } from "../exit-codes.js";

/** The options that every command has. */
export interface GlobalOptions {
  /** The configuration's folder. */
  readonly config: string;
  readonly json: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** Runs one command with what the container holds. */
export type Execute = (container: DependencyContainer) => Promise<ExitCode>;

/** What the command line asks for. */
export interface CommandRequest {
  readonly globals: GlobalOptions;
  /** Whether the command works with the operator's configuration. */
  readonly needsConfiguration: boolean;
  readonly execute: Execute;
}
