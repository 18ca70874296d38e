import { type Secret, SinkError } from "@axon-backup/sink";

/** What a shared access signature says of itself. https://learn.microsoft.com/rest/api/storageservices/create-service-sas */
export interface Sas {
  /** Letters of the permissions. Undefined when a stored access policy has them. */
  readonly permissions: string | undefined;
  readonly starts: Date | undefined;
  /** Undefined when a stored access policy has it. */
  readonly expires: Date | undefined;
}

const NAMES: Readonly<Record<string, string>> = {
  r: "read",
  c: "create",
  w: "write",
  d: "delete",
  l: "list",
};
const NEEDED = { read: ["r", "l"], write: ["r", "c", "w", "d", "l"] } as const;
const MINUTE_MS = 60_000;

/**
 * @throws SinkError `invalid` when it isn't a SAS
 */
export function parseSas(token: Secret): Sas {
  const values = new URLSearchParams(token.reveal());
  if (!values.has("sig"))
    throw new SinkError("invalid", "the SAS has no signature (sig=…)", {
      remedy: "Give the SAS token alone: sp=…&se=…&sig=…, without a URL in front of it.",
    });
  return {
    permissions: values.get("sp") ?? undefined,
    starts: time(values.get("st")),
    expires: time(values.get("se")),
  };
}

/**
 * Refuses a SAS that can't do: better when the sink is opened than in mid-run. A minute is left to clocks that differ.
 * @throws SinkError `denied`
 */
export function checkSas(sas: Sas, purpose: "read" | "write", now: Date): void {
  if (sas.expires !== undefined && sas.expires.getTime() + MINUTE_MS < now.getTime())
    throw new SinkError("denied", `the SAS expired at ${sas.expires.toISOString()}`, {
      remedy: "Make a new SAS, or set this machine's clock if it is wrong.",
    });
  if (sas.starts !== undefined && sas.starts.getTime() - MINUTE_MS > now.getTime())
    throw new SinkError("denied", `the SAS is valid from ${sas.starts.toISOString()} on`, {
      remedy: "Wait until then, make a new SAS, or set this machine's clock if it is wrong.",
    });
  const { permissions } = sas;
  if (permissions === undefined) return;
  const missing = NEEDED[purpose].filter((letter) => !permissions.includes(letter));
  if (missing.length > 0)
    throw new SinkError(
      "denied",
      `the SAS lacks ${missing.map((letter) => `${NAMES[letter] ?? ""} (${letter})`).join(", ")}`,
      { remedy: `Make a SAS for the container with sp=${NEEDED[purpose].join("")}.` },
    );
}

function time(text: string | null): Date | undefined {
  const date = new Date(text ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
