import { printable } from "../output/printable.js";

/** A path as a shell reads it and a terminal can show it. */
export function shellQuoted(path: string): string {
  if (printable(path) !== path) return ansiQuoted(path);
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** `$'…'`, as bash and zsh read it: every byte that isn't plain ASCII as an escape. */
function ansiQuoted(path: string): string {
  const bytes = Array.from(Buffer.from(path), (byte) => {
    const char = String.fromCharCode(byte);
    return /[\w./ -]/.test(char) ? char : `\\x${byte.toString(16).padStart(2, "0")}`;
  });
  return `$'${bytes.join("")}'`;
}
