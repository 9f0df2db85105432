import { type Clock, TIMED_OUT, withDeadline } from "../../base/clock.ts";
import { errorText } from "../../base/errors.ts";
import type { EngineHealth } from "../contract.ts";
import { finite, member } from "./facts.ts";
import type { BullQueueLike } from "./like.ts";
import { COUNTS_DEADLINE_MS, MAX_QUEUE_DEPTHS } from "./limits.ts";

/** Reads how many jobs wait in the queues. */
export type ReadDepths = () => Promise<
  Pick<EngineHealth, "queueDepths" | "brokerConnected" | "brokerError">
>;

// Version 5 counts the jobs of a paused queue apart, version 6 as waiting.
const WAITING_STATES = ["waiting", "wait", "prioritized", "delayed", "paused"] as const;

/** Sum of the jobs that wait, of whatever counts a version gives. */
export function depthOf(counts: unknown): number {
  return WAITING_STATES.reduce((sum, state) => sum + (finite(member(counts, state)) ?? 0), 0);
}

/**
 * Creates the reader. While an answer is outstanding no further question is
 * asked: a broker that is away must not collect them.
 */
export function createDepthReader(queues: readonly BullQueueLike[], clock: Clock): ReadDepths {
  const watched = queues.slice(0, MAX_QUEUE_DEPTHS);
  let outstanding: Promise<Readonly<Record<string, number>>> | undefined;
  const ask = async (): Promise<Readonly<Record<string, number>>> => {
    const counts = await Promise.all(watched.map((queue) => queue.getJobCounts()));
    return Object.fromEntries(watched.map((queue, i) => [queue.name, depthOf(counts[i])]));
  };
  return async () => {
    if (watched.length === 0) return {};
    outstanding ??= ask().finally(() => outstanding = undefined);
    try {
      const depths = await withDeadline(clock, outstanding, COUNTS_DEADLINE_MS);
      if (depths !== TIMED_OUT) return { brokerConnected: true, queueDepths: depths };
      return { brokerConnected: false, brokerError: `no answer in ${COUNTS_DEADLINE_MS} ms` };
    } catch (error) {
      return { brokerConnected: false, brokerError: errorText(error) };
    }
  };
}
