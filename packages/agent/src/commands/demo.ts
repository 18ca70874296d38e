import { inject, injectable } from "tsyringe";
import { OUTPUT, SIGNAL, STREAMS } from "../composition/tokens.js";
import { Narrator } from "../demo/narrator.js";
import { openPlayground } from "../demo/playground.js";
import { tellStory } from "../demo/story.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import type { Streams } from "../output/streams.js";
import { formatDuration } from "../output/units.js";

/** `axon-backup demo`: the whole story in a temporary folder, told while it happens. */
@injectable()
export class DemoCommand {
  constructor(
    @inject(STREAMS) private readonly streams: Streams,
    @inject(OUTPUT) private readonly output: Output,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run({ keep, json }: { readonly keep: boolean; readonly json: boolean }): Promise<ExitCode> {
    const started = performance.now();
    const playground = await openPlayground();
    const { folder } = playground;
    try {
      // With --json, standard output is for one document.
      const stage = json ? this.streams.stderr : this.streams.stdout;
      await tellStory(playground, new Narrator((text) => void stage.write(text)), this.signal);
    } finally {
      await playground.close(keep);
    }
    const milliseconds = Math.round(performance.now() - started);
    const place = keep ? `What it made is in ${folder}.` : "The folder is removed; --keep keeps it.";
    const text = `All of it took ${formatDuration(milliseconds)}. ${place}\nNext: a configuration of your own, and \`axon-backup check\`.\n`;
    this.output.result({ json: { ok: true, milliseconds, folder: keep ? folder : null }, text });
    return EXIT_CODES.ok;
  }
}
