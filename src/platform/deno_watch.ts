import { permissionCheck } from "./deno_permissions.ts";
import { detectRuntime } from "./detect.ts";
import { openSystem } from "./system.ts";

// Deno gives the old run 500 ms before it drops it.
const WATCH_GRACE_MS = 700;

/**
 * How long to wait before a process is ended by the signal that it got. The
 * watcher of Deno calls the handlers of SIGTERM without any signal, in the very
 * process that goes on to run the next version: ending it would end the watcher.
 * Once the old run is dropped nothing of it acts any more.
 */
export function endingDelayMs(): number {
  return detectRuntime() === "deno" && mayBeWatched() ? WATCH_GRACE_MS : 0;
}

/** Whether Deno was started with `--watch`; also where that cannot be read. */
function mayBeWatched(): boolean {
  const path = "/proc/self/cmdline";
  if (!permissionCheck()({ name: "read", path })) return true;
  try {
    const system = openSystem();
    const words = system.files.readText(path).split("\0");
    const script = system.mainPath()?.replace(/^.*[/\\]/, "") ?? "";
    const at = words.findIndex((word) => script !== "" && word.endsWith(script));
    return words.slice(0, at < 0 ? words.length : at)
      .some((word) => word.startsWith("--watch") || word === "watch");
  } catch {
    return true;
  }
}
