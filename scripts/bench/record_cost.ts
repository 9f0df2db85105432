/** The cost of recording into a buffer on disk, at full load and at a steady pace. */
import type { Recorder } from "../../src/agent/recorder.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { GroupedBuffer } from "../../src/buffer/grouped.ts";
import type { TaskEvent } from "../../src/engines/contract.ts";
import { cpuMs } from "./measure.ts";

/** A busy worker: so many events a second. */
export const PACE_PER_SECOND = 2000;
/** They come in portions of so many. */
export const PACE_PORTION = 10;
/** Length of a run at that pace. */
export const PACE_MS = 1500;

/** What one event cost at full load. */
export interface BurstCost {
  readonly wallUs: number;
  readonly cpuUs: number;
}

/** What one event cost at a steady pace. */
export interface PaceCost {
  /** Inside `record`. */
  readonly recordUs: number;
  /** In the timers of the buffer, where groups are committed. */
  readonly commitUs: number;
  readonly cpuUs: number;
}

/** What a paced run took in all. */
interface PaceRun {
  readonly recordMs: number;
  readonly commitMs: number;
  readonly cpuMs: number;
  readonly done: number;
}

/** What is measured. */
export interface Bench {
  readonly recorder: Recorder;
  readonly buffer: GroupedBuffer;
  readonly events: readonly TaskEvent[];
  /** Milliseconds spent in the timers of the buffer, where groups are committed. */
  readonly timerMs: () => number;
}

/** A clock that adds up how long its callbacks hold the thread. */
export function meteredClock(): { readonly clock: Clock; readonly spentMs: () => number } {
  let spentMs = 0;
  const clock: Clock = {
    ...systemClock,
    setTimer: (callback, delayMs) =>
      systemClock.setTimer(() => {
        const startedAt = performance.now();
        callback();
        spentMs += performance.now() - startedAt;
      }, delayMs),
  };
  return { clock, spentMs: () => spentMs };
}

/** Records as fast as it goes; the last group is committed inside the time. */
export async function burst({ recorder, buffer, events }: Bench): Promise<BurstCost> {
  const [cpu, wall] = [cpuMs(), performance.now()];
  for (const event of events) recorder.event("bullmq", event);
  await buffer.settled();
  const each = 1000 / events.length;
  const cost = { wallUs: (performance.now() - wall) * each, cpuUs: (cpuMs() - cpu) * each };
  await deliver(buffer, events.length);
  return cost;
}

/** Takes what was stored away, as acks do, so that the buffer never fills. */
async function deliver(buffer: GroupedBuffer, expected: number): Promise<void> {
  const stored = buffer.depth().count;
  if (stored !== expected) throw new Error(`${stored} events were stored, expected ${expected}`);
  buffer.removeRange(0, Number.MAX_SAFE_INTEGER);
  const deadline = performance.now() + 5000;
  while (buffer.depth().count > 0) {
    if (performance.now() > deadline) throw new Error("the buffer did not remove its events");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Records at a steady pace, in portions as a busy worker does. */
async function pace(bench: Bench, record: (event: TaskEvent) => void): Promise<PaceRun> {
  const [cpu, timers, begin] = [cpuMs(), bench.timerMs(), performance.now()];
  let [recordMs, done] = [0, 0];
  for (let elapsed = 0; elapsed < PACE_MS; elapsed = performance.now() - begin) {
    const due = Math.min(elapsed, PACE_MS) * PACE_PER_SECOND / 1000;
    while (done + PACE_PORTION <= due) {
      const startedAt = performance.now();
      for (let i = 0; i < PACE_PORTION; i++) record(at(bench.events, done++));
      recordMs += performance.now() - startedAt;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { recordMs, commitMs: bench.timerMs() - timers, cpuMs: cpuMs() - cpu, done };
}

/** The cost at a steady pace, without what pacing itself costs. */
export async function paced(bench: Bench): Promise<PaceCost> {
  const empty = await pace(bench, () => {});
  const full = await pace(bench, (event) => bench.recorder.event("bullmq", event));
  await bench.buffer.settled();
  await deliver(bench.buffer, full.done);
  const each = 1000 / full.done;
  return {
    recordUs: full.recordMs * each,
    commitUs: full.commitMs * each,
    cpuUs: full.cpuMs * each - empty.cpuMs * 1000 / empty.done,
  };
}

function at<T>(list: readonly T[], index: number): T {
  return list[index % list.length] as T;
}

/** Runs a round so many times. */
export async function repeat<T>(times: number, round: () => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  for (let i = 0; i < times; i++) results.push(await round());
  return results;
}
