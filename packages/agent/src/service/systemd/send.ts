import { spawn } from "node:child_process";

/** Milliseconds; it takes two. */
const PATIENCE = 10_000;

/** Runs `systemd-notify` with these variables. @throws Error when it isn't there, or fails */
export function sendByProgram(
  variables: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("systemd-notify", ["--", ...variables.map(onOneLine)], {
      env: { PATH: env["PATH"], NOTIFY_SOCKET: env["NOTIFY_SOCKET"] },
      stdio: "ignore",
      timeout: PATIENCE,
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`systemd-notify ended with ${code ?? signal ?? "?"}`));
    });
  });
}

function onOneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ");
}
