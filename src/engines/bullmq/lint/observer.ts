import { finite, member, text, time } from "../facts.ts";
import { keepsNoFailures } from "./options.ts";

/** What the jobs that run here tell about the set-up. */
export interface JobObserver {
  /** Takes a job whose attempt ended. */
  ended(queue: string, job: unknown): void;
  /** Run time in milliseconds that 99 of 100 attempts of a queue stay under, if there are enough. */
  p99Ms(queue: string): number | undefined;
  /** Job names by queue that are tried again without a pause. */
  withoutBackoff(): readonly string[];
  /** Job names by queue that are removed when they fail. */
  withoutTrace(): readonly string[];
}

// Enough for a percentile, little enough to follow a change within minutes.
const SAMPLES = 500;
const LEAST_SAMPLES = 20;
const MAX_QUEUES = 200;
const MAX_NAMES = 50;

/** Creates an observer that has seen nothing. */
export function createJobObserver(): JobObserver {
  const runtimes = new Map<string, { readonly ms: number[]; at: number }>();
  const eager = new Set<string>();
  const traceless = new Set<string>();
  const keep = (names: Set<string>, name: string): void => {
    if (names.size < MAX_NAMES) names.add(name);
  };
  return {
    ended(queue, job) {
      const opts = member(job, "opts");
      const name = `${text(member(job, "name")) ?? "job"} in queue ${queue}`;
      if ((finite(member(opts, "attempts")) ?? 1) > 1 && !member(opts, "backoff")) {
        keep(eager, name);
      }
      if (keepsNoFailures(opts)) keep(traceless, name);
      const [from, to] = [time(member(job, "processedOn")), time(member(job, "finishedOn"))];
      if (from === undefined || to === undefined || to < from) return;
      const known = runtimes.get(queue);
      if (known === undefined && runtimes.size >= MAX_QUEUES) return;
      const ring = known ?? { ms: [], at: 0 };
      ring.ms[ring.at % SAMPLES] = to - from;
      ring.at++;
      runtimes.set(queue, ring);
    },
    p99Ms(queue) {
      const { ms = [] } = runtimes.get(queue) ?? {};
      if (ms.length < LEAST_SAMPLES) return undefined;
      return [...ms].sort((a, b) => a - b)[Math.floor(ms.length * 0.99)];
    },
    withoutBackoff: () => [...eager],
    withoutTrace: () => [...traceless],
  };
}
