import type { SessionEnd, SessionHandlers } from "./port.ts";

// What an unclaimed session may send; the agent's own inbox has the same bound.
const MAX_WAITING = 2000;

/** Handlers whose events wait until their owner is known. */
export interface HandlerRelay {
  /** For the transport. */
  readonly handlers: SessionHandlers;
  /** How the session ended, or `null` while it lives. */
  readonly end: SessionEnd | null;
  /** Whether too much waits. */
  readonly isOverfull: boolean;
  /** Hands waiting and later events over. */
  attach(owner: SessionHandlers): void;
}

/** Creates a relay without an owner. */
export function createHandlerRelay(): HandlerRelay {
  const waiting: (string | Uint8Array)[] = [];
  let owner: SessionHandlers | undefined;
  let end: SessionEnd | null = null;
  let isOverfull = false;
  return {
    handlers: {
      message(data) {
        if (owner !== undefined) return owner.message(data);
        if (waiting.length < MAX_WAITING) waiting.push(data);
        else isOverfull = true;
      },
      delivered: (frameId) => owner?.delivered?.(frameId),
      ended(reason) {
        end = reason;
        owner?.ended(reason);
      },
    },
    get end() {
      return end;
    },
    get isOverfull() {
      return isOverfull;
    },
    attach(next) {
      owner = next;
      for (const data of waiting.splice(0)) next.message(data);
      if (end !== null) next.ended(end);
    },
  };
}
