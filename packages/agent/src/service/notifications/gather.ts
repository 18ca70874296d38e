import { type Condition, keyOf, type Notice, type Trouble } from "./conditions.js";

/** What has one cause is gathered for so long before it is told. Milliseconds. */
export const SETTLE = 30_000;
/** Further trouble of a cause that was told is told after so long, together. Milliseconds. */
export const INTERVAL = 5 * 60_000;

/** How long a channel waits. Milliseconds. */
export interface Patience {
  readonly settle: number;
  readonly interval: number;
}

/** @param after how long a failure lasts before it is told: who wants to know of each doesn't want to wait either */
export function patienceOf(after: number): Patience {
  if (after === 0) return { settle: AT_ONCE, interval: AT_ONCE };
  return { settle: Math.min(SETTLE, Math.max(AT_ONCE, after)), interval: INTERVAL };
}

/** What strikes every sink strikes them within a second or two. */
const AT_ONCE = 2000;

/** Notices that one message is to tell. */
interface Group {
  readonly notices: readonly Notice[];
  readonly due: number;
}

/** What waits for others of its cause. Times are milliseconds of a clock that never goes back. */
export interface Gathering {
  readonly groups: ReadonlyMap<string, Group>;
  /** When a cause's last message was sent. */
  readonly told: ReadonlyMap<string, number>;
  /** The cause that each trouble, by its key, was told with: so that its end is told with theirs. */
  readonly causes: ReadonlyMap<string, string>;
}

export const NOTHING_GATHERED: Gathering = { groups: new Map(), told: new Map(), causes: new Map() };

export interface Gathered {
  readonly gathering: Gathering;
  /** What is to be told now: each as one message. */
  readonly ready: readonly (readonly [Notice, ...Notice[]])[];
  /** When there will be something to tell; undefined: not until something happens. */
  readonly wake: number | undefined;
}

/**
 * Gathers notices that have one cause: a server that can't be reached has every sink fail, and be late. Damage, a divergence and a wrong configuration are told at once, each for itself.
 * @param conditions what is wrong now
 * @param now not before the last call's
 */
export function gather(
  before: Gathering,
  notices: readonly Notice[],
  conditions: ReadonlyMap<string, Condition>,
  now: number,
  { settle, interval }: Patience,
): Gathered {
  const groups = new Map(before.groups);
  const causes = new Map(before.causes);
  const ready: (readonly [Notice, ...Notice[]])[] = [];
  for (const notice of notices) {
    const cause = causeOf(notice, causes, conditions);
    if (cause === undefined) {
      ready.push([notice]);
      continue;
    }
    const key = conditionKey(notice.trouble);
    if (isOver(notice)) causes.delete(key);
    else causes.set(key, cause);
    const last = before.told.get(cause) ?? -Infinity;
    const due = isOver(notice) ? now + settle : Math.max(now + settle, last + interval);
    const group = groups.get(cause);
    groups.set(cause, {
      notices: [...(group?.notices ?? []).filter((one) => !isSame(one, notice)), notice],
      due: Math.min(due, group?.due ?? Infinity),
    });
  }
  const told = new Map([...before.told].filter(([, at]) => at + interval > now));
  for (const [
    cause,
    {
      notices: [first, ...others],
      due,
    },
  ] of groups) {
    if (due > now) continue;
    groups.delete(cause);
    if (first) ready.push([first, ...others]);
    told.set(cause, now);
  }
  const wake = Math.min(...[...groups.values()].map(({ due }) => due));
  return { gathering: { groups, told, causes }, ready, wake: wake === Infinity ? undefined : wake };
}

/** Everything that waits, whatever it waits for. */
export function flush({ groups }: Gathering): readonly (readonly [Notice, ...Notice[]])[] {
  return [...groups.values()].flatMap(({ notices: [first, ...others] }) =>
    first ? [[first, ...others] as const] : [],
  );
}

export function isOver({ event }: Notice): boolean {
  return event === "recovered" || event === "on-time";
}

/** Undefined for what is told for itself. */
function causeOf(
  { trouble, ...notice }: Notice,
  causes: ReadonlyMap<string, string>,
  conditions: ReadonlyMap<string, Condition>,
): string | undefined {
  if (trouble.kind !== "failed" && trouble.kind !== "late") return undefined;
  const known = isOver({ trouble, ...notice }) ? causes.get(keyOf(trouble)) : undefined;
  return known ?? sharedCause(trouble, conditions) ?? `sink ${trouble.sink}`;
}

/** What strikes every sink, if that is the reason: of lateness, whatever keeps the sink from its work. */
function sharedCause(trouble: Trouble, conditions: ReadonlyMap<string, Condition>): string | undefined {
  if (trouble.kind === "failed") return trouble.failure.cause === "sink" ? undefined : trouble.failure.cause;
  if (trouble.kind !== "late") return undefined;
  for (const { trouble: other } of conditions.values())
    if (other.kind === "failed" && other.sink === trouble.sink && other.failure.cause !== "sink")
      return other.failure.cause;
  return undefined;
}

function conditionKey(trouble: Trouble): string {
  return trouble.kind === "diverged" ? trouble.kind : keyOf(trouble);
}

/** Of trouble that comes and goes meanwhile, the last time counts. */
function isSame(one: Notice, other: Notice): boolean {
  return one.event === other.event && conditionKey(one.trouble) === conditionKey(other.trouble);
}
