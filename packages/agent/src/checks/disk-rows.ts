import { type CheckRow, ok, warning } from "./types.js";

/** Where a sink keeps its objects. */
export interface SinkPlace {
  readonly sink: string;
  /** The disks of its directory, none if that can't be looked at; undefined for a storage that is no directory of this machine. */
  readonly disks: ReadonlySet<string> | undefined;
}

/** Whether there is a sink whose disk isn't the server's: one that fails takes both with it. */
export function diskRows(server: ReadonlySet<string>, sinks: readonly SinkPlace[]): readonly CheckRow[] {
  const isElsewhere = ({ disks }: SinkPlace) =>
    disks === undefined || (disks.size > 0 && ![...disks].some((disk) => server.has(disk)));
  const elsewhere = sinks.filter(isElsewhere).map(({ sink }) => sink);
  return sinks.flatMap((place) => {
    if (place.disks === undefined || place.disks.size === 0) return [];
    if (isElsewhere(place)) return [ok("disk", place.sink, "another one than that of the server's files")];
    const disks = [...place.disks].filter((disk) => server.has(disk));
    const detail = `the same as that of the server's files (${disks.join(", ")})`;
    if (elsewhere.length > 0)
      return [ok("disk", place.sink, `${detail}; elsewhere: ${elsewhere.join(", ")}`)];
    return [
      warning(
        "disk",
        place.sink,
        `${detail}: when it fails, the backup is gone as well`,
        "Add a sink on another machine, or in an object storage: `axon-backup init --sink TYPE:PLACE` writes its file.",
      ),
    ];
  });
}
