import { readFileSync } from "node:fs";

/** Linux gives times to user space in hundredths of a second, whatever it counts in. */
const TICKS_PER_SECOND = 100;

/** Processor time of a process that runs, in seconds: fields 14 and 15 of /proc/PID/stat (proc_pid_stat(5)). */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Bytes: resident now (`VmRSS`), or the most that ever was (`VmHWM`). */
export function memoryOf(pid: number, field: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const [, kibibytes = "0"] = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status) ?? [];
  return Number(kibibytes) * 1024;
}
