import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import type { Share, ShareFound } from "./share.ts";

const SCRIPT = "scripts/simulation_parts/play_share.ts";
// No word of a process for so long: a schedule does not end.
const SILENCE_MS = 60_000;

/**
 * Plays a share in a process of Deno, of this tree or of a copy.
 *
 * @throws When the process does not end well, or hangs.
 */
export async function runShare(share: Share, tree = "."): Promise<ShareFound> {
  const cwd = resolve(tree);
  const args = ["run", "-A", "--no-check", SCRIPT, JSON.stringify(share)];
  const child = spawn(join(cwd, "node_modules/.bin/deno"), args, {
    cwd,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const stop = (): void => void child.kill("SIGKILL");
  let silence = setTimeout(stop, SILENCE_MS);
  let output = "";
  child.stdout.on("data", (chunk) => {
    clearTimeout(silence);
    silence = setTimeout(stop, SILENCE_MS);
    output += String(chunk);
  });
  const code = await new Promise<number | null>((done) => child.on("close", done));
  clearTimeout(silence);
  const last = output.trim().split("\n").at(-1) ?? "";
  if (!last.startsWith("{")) {
    const where = `after ${last || "no"} schedules from ${share.from}`;
    throw new Error(`Cannot play on: the process ended with ${code} ${where}`);
  }
  return JSON.parse(last) as ShareFound;
}
