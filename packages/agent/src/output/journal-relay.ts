import type { ChildProcess } from "node:child_process";
import type { Journal } from "./journal.js";
import { journalEntry } from "./journal-entry.js";
import type { LogLevel } from "./log.js";

/** Where systemd's journal takes entries. */
const SOCKET = "/run/systemd/journal/socket";
/** Bytes that may wait for it. */
const MOST_WAITING = 1024 * 1024;
/** Milliseconds in which it ends once there is nothing more. */
const PATIENCE = 1000;

/** Sends what comes, a length and as many bytes, as datagrams. Ends with its input alone: systemd tells every process of a unit to end, and there are last words; what `systemctl kill` sends is for the service. */
const PROGRAM = `
use Socket;
$SIG{$_} = "IGNORE" for qw(TERM INT HUP USR1 USR2);
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or exit 1;
my $to = pack_sockaddr_un($ARGV[0]);
binmode STDIN;
while (read(STDIN, my $n, 4) == 4) {
  my $size = unpack("N", $n);
  read(STDIN, my $entry, $size) == $size or exit 1;
  send($s, $entry, 0, $to) or exit 1;
}`;

/**
 * A way to give the journal entries with fields. Node has no datagram sockets of this kind, and a program for each entry would have ended before the journal could see which unit it belongs to: so
 * there is one that stays, in Perl, which is part of every Debian. Where it isn't there, or fails, entries aren't taken, and go to standard error as ever.
 */
export class JournalRelay implements Journal {
  #child: ChildProcess | undefined;
  #isUp = false;

  constructor(private readonly socket: string = SOCKET) {}

  async open(env: Readonly<Record<string, string | undefined>>): Promise<void> {
    const { spawn } = await import("node:child_process");
    const child = spawn("perl", ["-e", PROGRAM, this.socket], {
      env: { PATH: env["PATH"] },
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#child = child;
    const down = (): void => {
      this.#isUp = false;
    };
    child.on("exit", down);
    child.stdin.on("error", down);
    await new Promise<void>((resolve) => {
      child.on("spawn", () => {
        this.#isUp = true;
        resolve();
      });
      child.on("error", () => {
        down();
        resolve();
      });
    });
  }

  send(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): boolean {
    const stdin = this.#child?.stdin;
    if (!this.#isUp || !stdin || stdin.writableLength > MOST_WAITING) return false;
    const entry = journalEntry(level, message, fields);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(entry.length);
    stdin.write(Buffer.concat([length, entry]));
    return true;
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (!child || !this.#isUp) return;
    this.#isUp = false;
    const ended = new Promise<void>((resolve) => {
      child.on("close", () => {
        resolve();
      });
    });
    child.stdin?.end();
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
    await ended;
    clearTimeout(timer);
  }
}
