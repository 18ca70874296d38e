import type { SoakService } from "./service.js";
import type { Trouble } from "./trouble.js";

/** How far sinks are behind when nothing is the matter with them. */
export class Lags {
  /** The most of each sink, in seconds. */
  readonly most = new Map<string, number>();
  /** How often each was looked at. */
  readonly looks = new Map<string, number>();

  constructor(
    private readonly service: SoakService,
    private readonly trouble: Trouble,
  ) {}

  async look(): Promise<void> {
    if (!this.trouble.isCalm("")) return;
    const state = await this.service.state().catch(() => undefined);
    for (const { sink, contexts } of state?.sinks ?? []) {
      if (!this.trouble.isCalm(sink)) continue;
      const behind = Math.max(0, ...contexts.map(({ behind: { seconds } }) => seconds));
      this.most.set(sink, Math.max(this.most.get(sink) ?? 0, behind));
      this.looks.set(sink, (this.looks.get(sink) ?? 0) + 1);
    }
  }
}
