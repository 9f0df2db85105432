/** A signal that one loop waits for and others ring, each with a reason. */
export interface Wake<Reason extends string> {
  /** Rings; a loop that is not waiting yet sees it at its next wait. */
  ring(reason: Reason): void;
  /** Resolves with every reason rung since the last wait. */
  wait(): Promise<ReadonlySet<Reason>>;
}

/** Creates a wake signal. Rings before a wait are kept, equal reasons merge. */
export function createWake<Reason extends string>(): Wake<Reason> {
  let pending = new Set<Reason>();
  let waiter: ((reasons: ReadonlySet<Reason>) => void) | undefined;
  const take = (): ReadonlySet<Reason> => {
    const reasons = pending;
    pending = new Set();
    return reasons;
  };
  return {
    ring(reason) {
      pending.add(reason);
      const resolve = waiter;
      waiter = undefined;
      resolve?.(take());
    },
    wait() {
      if (pending.size > 0) return Promise.resolve(take());
      return new Promise((resolve) => waiter = resolve);
    },
  };
}
