import { hostProcess } from "./host_process.ts";
import { callAll, joinHub } from "./process_hub.ts";
import { openSystem } from "./system.ts";

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
  target?: HangupProcess,
  hasTerminal: () => boolean = () => openSystem().isTerminal(),
): () => void {
  try {
    if (hasTerminal()) return () => {};
    return joinHub(target ?? globalThis, "hangup_signal", listener, ({ members }) => {
      const process = target ?? hostProcess();
      const handler = (): void => callAll(members);
      process.on("SIGHUP", handler);
      return () => void process.removeListener("SIGHUP", handler);
    });
  } catch {
    return () => {}; // A system without this signal, or no permission for it.
  }
}
