import { hostProcess } from "./host_process.ts";
import { callAll, joinHub } from "./process_hub.ts";

/** The part of the process that tells about its end; tests pass a fake one. */
export interface EndingProcess {
  /** Adds a handler. */
  on(event: "beforeExit", handler: () => void): unknown;
  /** Removes a handler. */
  removeListener(event: "beforeExit", handler: () => void): unknown;
}

/**
 * Calls `listener` whenever nothing is left to do and the process is about to
 * end by itself; the answer stops that. Not called on a signal, an uncaught
 * error or `process.exit()`. Work that the listener begins keeps the process
 * alive, and afterwards it is asked again.
 */
export function onIdleEnd(
  listener: () => void,
  target?: EndingProcess,
): () => void {
  return joinHub(target ?? globalThis, "idle_end", listener, ({ members }) => {
    const process = target ?? hostProcess();
    const handler = (): void => callAll(members);
    process.on("beforeExit", handler);
    return () => void process.removeListener("beforeExit", handler);
  });
}
