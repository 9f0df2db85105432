import { type DenoGlobal, posixDeno } from "./deno_global.ts";
import { isNodeProcessLoaded, nodeProcess } from "./node_process.ts";

type Handler = (...args: unknown[]) => void;

/** The part of the process that tells about signals and about its end. */
export interface HostProcess {
  readonly pid: number;
  prependListener(event: string, handler: Handler): unknown;
  on(event: string, handler: Handler): unknown;
  removeListener(event: string, handler: Handler): unknown;
  listeners(event: string): readonly unknown[];
  kill(pid: number, signal: string): unknown;
}

/**
 * The process to listen to: that of `node:`, or what stands in for it on Deno
 * as long as nobody has loaded that. Nobody can have added a handler to it so
 * far, and who does so later is found when the signal comes.
 */
export function hostProcess(): HostProcess {
  const deno = posixDeno();
  const isLoaded = deno === null || isNodeProcessLoaded();
  return isLoaded ? nodeProcess() as unknown as HostProcess : standIn(deno);
}

function standIn(deno: DenoGlobal): HostProcess {
  const atEnd = new Set<Handler>();
  // The end of the web comes before that of Node, which then finds the handlers.
  const join = (): void => {
    for (const handler of atEnd) nodeProcess().on("beforeExit", handler);
  };
  const on = (event: string, handler: Handler): void => {
    if (event.startsWith("SIG")) return deno.addSignalListener(event, handler);
    if (event !== "beforeExit") return;
    atEnd.add(handler);
    globalThis.addEventListener("beforeunload", join, { once: true });
  };
  return {
    pid: deno.pid,
    prependListener: on,
    on,
    removeListener(event, handler) {
      if (event.startsWith("SIG")) return deno.removeSignalListener(event, handler);
      if (!atEnd.delete(handler)) return;
      globalThis.removeEventListener("beforeunload", join);
      if (isNodeProcessLoaded()) nodeProcess().removeListener(event, handler);
    },
    listeners: (event) => nodeProcess().listeners(event as "SIGTERM"),
    kill: (pid, signal) => nodeProcess().kill(pid, signal as "SIGTERM"),
  };
}
