import { SegmentScanner, type Token } from "@axon-backup/axon-server";

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

  /** What was found, once everything is sent. A segment that is damaged on the server is stored as it is: there is no better one. */
  end(): { readonly nextToken?: Token; readonly problem?: string } {
    const scan = this.#scanner?.end();
    switch (scan?.state) {
      case "closed":
        return { nextToken: scan.nextToken };
      case "foreign":
        return {
          problem: `segments of format version ${scan.formatVersion} are not known; stored as it is, unchecked`,
        };
      case "torn":
        return { problem: `is damaged on the server: ${scan.reason}; stored as it is` };
      case "open":
        return {
          problem: `is listed as closed, and has no end marker: it may be damaged on the server; stored as it is`,
        };
      case undefined:
        return {};
    }
  }
}
