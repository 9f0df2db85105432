import type { JobContexts } from "../../base/work_context.ts";
import type { EngineEvent, EngineSink } from "../contract.ts";

/** The way to the sink of the moment. */
export interface Outlet {
  /** Takes a sink; tells whether there was none. */
  open(sink: EngineSink): boolean;
  /** Whether there is a sink. */
  isOpen(): boolean;
  /** Lets the sink go. */
  close(): void;
  /** Carries contexts, while there is a sink that can. */
  work(): JobContexts | undefined;
  /** Hands an event on, if there is a sink; never throws. */
  event(event: EngineEvent): void;
}

/** Creates an outlet without a sink. */
export function createOutlet(): Outlet {
  let current: EngineSink | undefined;
  return {
    open(sink) {
      if (current !== undefined) return false;
      current = sink;
      return true;
    },
    isOpen: () => current !== undefined,
    work: () => current?.work,
    close: () => void (current = undefined),
    event(event) {
      try {
        current?.event(event);
      } catch {
        // The contract forbids it; a broken sink still does no harm.
      }
    },
  };
}
