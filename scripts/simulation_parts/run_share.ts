import { join, resolve } from "node:path";
import { watchedChild } from "../child_parts/watched_child.ts";
import type { Share, ShareFound } from "./share.ts";

const SCRIPT = "scripts/simulation_parts/play_share.ts";
// Lets promises settle without a turn of the loop.
const V8_FLAGS = "--v8-flags=--allow-natives-syntax";
// No word of a process for so long: a schedule does not end.
const SILENCE_MS = 60_000;

/**
 * Plays a share in a process of Deno, of this tree or of a copy.
 *
 * @throws When the process does not end well, or hangs.
 */
export async function runShare(share: Share, tree = "."): Promise<ShareFound> {
  const cwd = resolve(tree);
  const deno = join(cwd, "node_modules/.bin/deno");
  const { code, last } = await watchedChild(
    [deno, "run", "-A", "--no-check", V8_FLAGS, SCRIPT, JSON.stringify(share)],
    { silenceMs: SILENCE_MS, cwd },
  );
  if (!last.startsWith("{")) {
    const where = `after ${last || "no"} schedules from ${share.from}`;
    throw new Error(`Cannot play on: the process ended with ${code} ${where}`);
  }
  return JSON.parse(last) as ShareFound;
}
