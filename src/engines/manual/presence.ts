import type { Clock } from "../../base/clock.ts";
import type { WorkerEventKind } from "../contract.ts";
import { WORKER_HEARTBEAT_MS } from "./limits.ts";
import type { Outlet } from "./outlet.ts";

/** Tells that the worker is there: evidence that it may be steered (protocol section 13). */
export interface Presence {
  /** Reports one event. */
  tell(kind: WorkerEventKind): void;
  /** Reports a heartbeat, if the last event is long enough ago. */
  beat(): void;
}

/** Creates the presence of one worker. */
export function createPresence(
  outlet: Outlet,
  clock: Clock,
  worker: string,
  pid: number | undefined,
): Presence {
  let toldMs = 0;
  const tell = (kind: WorkerEventKind): void => {
    toldMs = clock.monotonic();
    outlet.event({ kind, worker, occurredAtMs: clock.now(), extra: { pid } });
  };
  return {
    tell,
    beat() {
      if (clock.monotonic() - toldMs >= WORKER_HEARTBEAT_MS) tell("worker.heartbeat");
    },
  };
}
