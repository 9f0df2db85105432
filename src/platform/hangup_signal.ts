import { fstatSync, statSync } from "node:fs";
import process from "node:process";
import { callAll, joinHub } from "./process_hub.ts";

/** The part of the process that the signal needs; tests pass a fake one. */
export interface HangupProcess {
  /** Adds a handler. */
  on(event: "SIGHUP", handler: () => void): unknown;
  /** Removes a handler. */
  removeListener(event: "SIGHUP", handler: () => void): unknown;
}

/**
 * Calls `listener` on every SIGHUP until removed, without keeping the process
 * alive. In a terminal the signal means that the terminal is gone and the
 * process should end with it: there nothing is listened to.
 */
export function onHangupSignal(
  listener: () => void,
  target: HangupProcess = process as unknown as HangupProcess,
  hasTerminal: () => boolean = readsTerminal,
): () => void {
  if (hasTerminal()) return () => {};
  try {
    return joinHub(target, "hangup_signal", listener, ({ members }) => {
      const handler = (): void => callAll(members);
      target.on("SIGHUP", handler);
      return () => void target.removeListener("SIGHUP", handler);
    });
  } catch {
    return () => {}; // A system without this signal, or no permission for it.
  }
}

function readsTerminal(): boolean {
  return mayBeTerminal() && process.getBuiltinModule("node:tty").isatty(0);
}

// A service reads a pipe or nothing; it need not load the module, which takes 10 ms.
function mayBeTerminal(): boolean {
  try {
    const input = fstatSync(0);
    return input.isCharacterDevice() && input.rdev !== statSync("/dev/null").rdev;
  } catch {
    return true; // Another system, or no permission to look.
  }
}
