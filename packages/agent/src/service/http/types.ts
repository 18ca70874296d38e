import type { Secret } from "@axon-backup/sink";
import type { Log } from "../../output/log.js";
import type { ServiceView } from "../model.js";
import type { ListenAddress } from "./listen.js";

/** What the metrics page shows: the text of all metrics, made when it is asked for. */
export interface MetricsText {
  readonly contentType: string;
  /** Never rejects for what the service does; what it throws is answered with 500 and logged. */
  text(): Promise<string>;
}

export interface HttpOptions {
  readonly listen: ListenAddress;
  /** What whoever asks must know: as a bearer token, or as the password of basic authentication. Needed unless `listen` is a loopback address. */
  readonly token?: Secret;
  /** What the service is known by in each answer; nothing, if left out. */
  readonly instance?: string;
  readonly view: ServiceView;
  readonly metrics: MetricsText;
  readonly log: Log;
  /** Takes secrets out of text (`Redactor.redact`). Left out: nothing is taken out. */
  readonly clean?: (text: string) => string;
  /** Left out: the system's. */
  readonly now?: () => Date;
}

/** The running HTTP server. */
export interface HttpService {
  /** Where it listens, with the port that was chosen. */
  readonly address: ListenAddress;
  /** Ends within a second, whatever is connected. May be called again. */
  close(): Promise<void>;
}
