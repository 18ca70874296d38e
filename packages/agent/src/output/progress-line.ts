import { printable } from "./printable.js";
import { type SinkProgress, timeLeft } from "./progress.js";
import { formatBytes, formatDuration } from "./units.js";

const BAR_CELLS = 20;
/** A name is cut to this many characters before anything else is left out, and to `SHORTEST_NAME` before it is left out itself. */
const SHORT_NAME = 8;
const SHORTEST_NAME = 3;

/**
 * The line of one sink, at most `width` characters: `nas  transfer  [#####-----]  50%  1.0 GiB of 2.0 GiB  80.0 MiB/s  12 s left`. The narrower it is, the less it says; share, rate and time left
 * are what stays longest, and fit on a terminal of 40 columns beside some of the name.
 */
export function progressLine(progress: SinkProgress, width: number): string {
  const { step, done, total } = progress;
  const share = total > 0 ? Math.min(1, done / total) : undefined;
  const left = timeLeft(progress);
  const amount = share === undefined ? amountOf(done) : `${formatBytes(done)} of ${formatBytes(total)}`;
  const percent = share === undefined ? "" : `${Math.floor(share * 100)}%`.padStart(4);
  const rate = progress.rate === undefined ? "" : `${formatBytes(progress.rate)}/s`;
  const eta = left === undefined ? "" : `${formatDuration(left)} left`;
  const core = [percent, rate, eta].some((part) => part !== "") ? [percent, rate, eta] : [step];
  const variants: readonly (readonly [shortestName: number, parts: readonly string[]])[] = [
    [SHORT_NAME, [step, bar(share), percent, amount, rate, eta]],
    [SHORT_NAME, [step, percent, amount, rate, eta]],
    [SHORT_NAME, [percent, amount, rate, eta]],
    [SHORTEST_NAME, core],
    [0, core],
    [0, [percent, eta]],
  ];
  const name = printable(progress.sink);
  for (const [shortestName, parts] of variants) {
    const rest = parts.filter((part) => part !== "").join("  ");
    const line = joined(name, Math.min(shortestName, name.length), rest, width);
    if (line !== undefined) return line;
  }
  return (percent === "" ? shortened(name, width) : percent.trim()).slice(0, Math.max(width, 0));
}

/** The name, as much of it as fits in front of `rest`; undefined when not even its first `shortest` characters do. */
function joined(name: string, shortest: number, rest: string, width: number): string | undefined {
  if (rest === "") return name.length <= width ? name : undefined;
  if (shortest === 0) return rest.length <= width ? rest : undefined;
  const room = width - rest.length - 2;
  return room < shortest ? undefined : `${shortened(name, room)}  ${rest}`;
}

/** At most `length` characters, the last of which tells that there were more. */
function shortened(name: string, length: number): string {
  if (name.length <= length) return name;
  let cut = "";
  // By code points: half of a surrogate pair is no character.
  for (const char of name) {
    if (cut.length + char.length >= length) break;
    cut += char;
  }
  return length > 0 ? `${cut}…` : "";
}

function amountOf(done: number): string {
  return done > 0 ? formatBytes(done) : "";
}

function bar(share: number | undefined): string {
  if (share === undefined) return "";
  const full = Math.floor(share * BAR_CELLS);
  return `[${"#".repeat(full)}${"-".repeat(BAR_CELLS - full)}]`;
}
