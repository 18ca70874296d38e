import { SegmentScanner, type Token } from "@axon-backup/axon-server";

/** What a closed segment turned out to be: whole, of a format that isn't known, or damaged. */
export interface SentSegment {
  /** Of one that is whole: the token after its last event. */
  readonly nextToken?: Token;
  readonly foreignVersion?: number;
  /** What is wrong with it, as a sentence that reads on after its name. */
  readonly problem?: string;
}

/** Reads a closed segment while it is being sent: where it ends, and whether the server's own file is whole. */
export class SendScan {
  #scanner: SegmentScanner | undefined;

  constructor(
    private readonly segment: Token,
    private readonly fileLength: number,
  ) {}

  /** A retry sends from the beginning again. */
  start(): void {
    this.#scanner = new SegmentScanner({ segment: this.segment, fileLength: this.fileLength });
  }

  push(chunk: Uint8Array): void {
    this.#scanner?.push(chunk);
  }

  /** What was found, once everything is sent. */
  end(): SentSegment {
    const scan = this.#scanner?.end();
    switch (scan?.state) {
      case "closed":
        return { nextToken: scan.nextToken };
      case "foreign":
        return { foreignVersion: scan.formatVersion };
      case "torn":
        return { problem: `is damaged on the server: ${scan.reason}` };
      case "open":
        return { problem: "is listed as closed, and has no end marker: it may be damaged on the server" };
      case undefined:
        return {};
    }
  }
}
