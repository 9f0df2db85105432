import type { MaybePromise } from "../base/maybe_promise.ts";
import { once } from "../base/once.ts";
import { endingDelayMs } from "./deno_watch.ts";
import { hostProcess } from "./host_process.ts";
import { type HubPort, joinHub } from "./process_hub.ts";

// Kubernetes and systemd kill after 30 s and 90 s; the host needs time of its own.
const LISTENER_DEADLINE_MS = 10_000;

const SIGNALS = ["SIGTERM", "SIGINT"] as const;
type StopSignal = typeof SIGNALS[number];

/** The part of the process that signals need; tests pass a fake one. */
export interface SignalProcess {
  /** Process id. */
  readonly pid: number;
  /** Adds a signal handler before all others. */
  prependListener(signal: StopSignal, handler: () => void): unknown;
  /** Watches for handlers that go. */
  on(event: "removeListener", watcher: (event: unknown, handler: unknown) => void): unknown;
  /** Removes a signal handler or a watcher. */
  removeListener(event: string, handler: (...args: unknown[]) => void): unknown;
  /** The handlers of a signal. */
  listeners(signal: StopSignal): readonly unknown[];
  /** Sends a signal. */
  kill(pid: number, signal: StopSignal): unknown;
}

/**
 * Calls `listener` on SIGTERM and SIGINT, once; the answer stops that.
 *
 * A handler suppresses the default end of the process on every runtime. So at
 * the first signal the one handler of all agents is taken away at once: a
 * second Ctrl-C works as ever. Then their listeners run, for at most 10 s, and
 * the process is kept alive for them. If nobody else had a handler, the same
 * signal is sent again, and the process ends as it would have without us
 * (status 143 or 130). With another handler, ending is that handler's business.
 *
 * Handlers of `Deno.addSignalListener` cannot be counted: a host that uses it
 * sees such a signal twice, and is not ended by us.
 */
export function onStopSignal(
  listener: () => MaybePromise<void>,
  target?: SignalProcess,
): () => void {
  const run = once(() => contained(listener));
  const open = (port: HubPort<Run>): () => void => listen(target ?? hostProcess(), port);
  return joinHub(target ?? globalThis, "stop_signal", run, open);
}

type Run = () => Promise<void>;

function listen(target: SignalProcess, port: HubPort<Run>): () => void {
  const handlers = SIGNALS.map((signal) => {
    const handler = (): void => void stop(target, signal, watch.sawRemoval(), port);
    return [signal, handler] as const;
  });
  const watch = removalWatch(target, new Set(handlers.map(([, handler]) => handler)));
  // In front, to still see the `once` handlers of others that run before us otherwise.
  for (const [signal, handler] of handlers) target.prependListener(signal, handler);
  return () => {
    watch.stop();
    for (const [signal, handler] of handlers) target.removeListener(signal, handler);
  };
}

// Deno calls handlers in the order of their registration, whatever is put in
// front. There a `once` handler is seen by its removal in the same turn.
function removalWatch(
  target: SignalProcess,
  ours: ReadonlySet<unknown>,
): { sawRemoval(): boolean; stop(): void } {
  let saw = false;
  const watcher = (event: unknown, handler: unknown): void => {
    if (!SIGNALS.some((signal) => signal === event) || ours.has(handler)) return;
    saw = true;
    queueMicrotask(() => saw = false);
  };
  target.on("removeListener", watcher);
  return {
    sawRemoval: () => saw,
    stop: () => void target.removeListener("removeListener", watcher),
  };
}

async function stop(
  target: SignalProcess,
  signal: StopSignal,
  hadCompany: boolean,
  port: HubPort<Run>,
): Promise<void> {
  const runs = [...port.members];
  port.dissolve();
  const wasAlone = !hadCompany && target.listeners(signal).length === 0;
  await withinDeadline(Promise.all(runs.map((run) => run())));
  if (!wasAlone) return;
  const delayMs = endingDelayMs();
  // Not unref'd, as below: the end is still to come.
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  if (target.listeners(signal).length === 0) raise(target, signal);
}

function raise(target: SignalProcess, signal: StopSignal): void {
  try {
    target.kill(target.pid, signal);
  } catch {
    // A runtime that refuses it leaves the end to the host.
  }
}

async function contained(listener: () => MaybePromise<void>): Promise<void> {
  try {
    await listener();
  } catch {
    // Nothing of ours may disturb the host while it stops.
  }
}

// The timer is not unref'd: the signal would have ended the process, and the
// end with the right status is still to come.
function withinDeadline(work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LISTENER_DEADLINE_MS);
    work.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
