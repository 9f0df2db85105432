import type { StoreLimits } from "../../src/buffer/port.ts";
import type { Step } from "./trace.ts";

/** Name of the buffer file in the writer's folder. */
export const FILE_NAME = "buffer.sqlite";
/** Small enough that the writer evicts. */
export const LIMITS: StoreLimits = { maxEvents: 90, maxBytes: 1_000_000 };

/** The text of event `n`; its size varies so that some need overflow pages. */
export function textFor(n: number): string {
  const size = n % 17 === 0 ? 6_000 : 20 + (n * 37) % 400;
  return JSON.stringify({ n, pad: String.fromCharCode(97 + n % 26).repeat(size) });
}

/** What a mark of the writer says. */
export interface Mark {
  readonly begun?: readonly [number, number];
  readonly stored?: readonly [number, number];
  readonly evicted?: readonly number[];
  readonly removing?: readonly number[];
}

/** What had been promised at a moment of the trace. */
export interface Promised {
  /** Stored, and neither removed nor about to be. */
  readonly stored: Set<number>;
  /** Evicted by now, or by the append that runs: gone if, and only if, counted. */
  readonly evicted: Set<number>;
  /** No event above this number had been handed over. */
  highest: number;
}

/** A promise to begin with: nothing. */
export function nothingPromised(): Promised {
  return { stored: new Set(), evicted: new Set(), highest: -1 };
}

/** Takes a mark into account. */
export function apply(promised: Promised, mark: Mark): void {
  if (mark.begun !== undefined) promised.highest = mark.begun[1];
  if (mark.stored !== undefined) {
    for (let n = mark.stored[0]; n <= mark.stored[1]; n++) promised.stored.add(n);
  }
  for (const n of mark.removing ?? []) promised.stored.delete(n);
  for (const n of mark.evicted ?? []) {
    promised.stored.delete(n);
    promised.evicted.add(n);
  }
}

/** An append evicts before it has returned: its beginning already says what. */
export function lookAhead(steps: readonly Step[]): Step[] {
  let evicted: readonly number[] = [];
  return steps.toReversed().map((step): Step => {
    if (step.kind !== "mark") return step;
    const mark = step.mark as Mark;
    if (mark.stored !== undefined) evicted = mark.evicted ?? [];
    if (mark.begun === undefined) return step;
    return { kind: "mark", mark: { ...mark, evicted } };
  }).toReversed();
}
