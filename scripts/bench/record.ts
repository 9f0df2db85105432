/**
 * What it costs a host to record an event: redaction, canonical text and its
 * share of the group commits, in a SQLite file on disk.
 */
import { join } from "node:path";
import type { Recorder } from "../../src/agent/recorder.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { GroupedBuffer } from "../../src/buffer/grouped.ts";
import { openBuffer } from "../../src/buffer/open.ts";
import type { TaskEvent } from "../../src/engines/contract.ts";
import { withFolder } from "./folder.ts";
import { meanBytes, openRecorder, plainJobs, storedEntries } from "./job_mix.ts";
import { cpuMs, figure, type Goal, median, publish, short } from "./measure.ts";

// For a host under full load, where groups are full.
const GOAL: Goal = { is: "at most", value: 15 };
const BURST_EVENTS = 12_000;
const BURST_ROUNDS = 15;
// A busy worker: 2000 events a second, in portions of 10.
const PACE_PER_SECOND = 2000;
const PACE_PORTION = 10;
const PACE_MS = 1500;
const PACE_ROUNDS = 3;

/** What one event cost at full load. */
interface BurstCost {
  readonly wallUs: number;
  readonly cpuUs: number;
}

/** What one event cost at a steady pace. */
interface PaceCost {
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

interface Bench {
  readonly recorder: Recorder;
  readonly buffer: GroupedBuffer;
  readonly events: readonly TaskEvent[];
  /** Milliseconds spent in the timers of the buffer, where groups are committed. */
  readonly timerMs: () => number;
}

/** A clock that adds up how long its callbacks hold the thread. */
function meteredClock(): { readonly clock: Clock; readonly spentMs: () => number } {
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
async function burst({ recorder, buffer, events }: Bench): Promise<BurstCost> {
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
async function paced(bench: Bench): Promise<PaceCost> {
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

/** The price of printing the same events as plain JSON, for a comparison. */
function plainJsonUs(events: readonly TaskEvent[]): number {
  const rounds = Array.from({ length: 5 }, () => {
    const startedAt = performance.now();
    let length = 0;
    for (const event of events) length += JSON.stringify(event).length;
    if (length === 0) throw new Error("nothing was printed");
    return (performance.now() - startedAt) * 1000 / events.length;
  });
  return median(rounds);
}

/** Runs a round so many times. */
async function repeat<T>(times: number, round: () => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  for (let i = 0; i < times; i++) results.push(await round());
  return results;
}

function publishCosts(
  bursts: readonly BurstCost[],
  paces: readonly PaceCost[],
  notes: readonly string[],
): void {
  const pace = `${PACE_PER_SECOND} events/s`;
  const sharePercent = ({ recordUs, commitUs }: PaceCost): number =>
    (recordUs + commitUs) * PACE_PER_SECOND / 1e6 * 100;
  publish("record", [
    figure("full load, wall", "µs/event", bursts.map(({ wallUs }) => wallUs), GOAL),
    figure("full load, CPU", "µs/event", bursts.map(({ cpuUs }) => cpuUs), GOAL),
    figure(`${pace}, record()`, "µs/event", paces.map(({ recordUs }) => recordUs)),
    figure(`${pace}, commits`, "µs/event", paces.map(({ commitUs }) => commitUs)),
    figure(`${pace}, CPU`, "µs/event", paces.map(({ cpuUs }) => cpuUs)),
    figure(`${pace}, thread held`, "%", paces.map(sharePercent)),
  ], notes);
}

async function measure(folder: string): Promise<void> {
  const { clock, spentMs } = meteredClock();
  const buffer = await openBuffer({ path: join(folder, "buffer.sqlite"), clock });
  if (!buffer.capabilities.durable) throw new Error("the buffer file could not be opened");
  let groups = 0;
  buffer.onStored(() => void groups++);
  const events = plainJobs(BURST_EVENTS / 3);
  const bench: Bench = { recorder: openRecorder(buffer), buffer, events, timerMs: spentMs };
  await repeat(3, () => burst(bench));
  const bursts = await repeat(BURST_ROUNDS, () => burst(bench));
  groups = 0;
  const paces = await repeat(PACE_ROUNDS, () => paced(bench));
  const perGroup = PACE_ROUNDS * PACE_MS * PACE_PER_SECOND / 1000 / groups;
  const lost = Object.values(buffer.losses()).some((kinds) => Object.keys(kinds).length > 0);
  if (lost) throw new Error("the buffer lost events");
  await buffer.close();
  const bytes = meanBytes(storedEntries(events.slice(0, 300)));
  const ratio = median(bursts.map(({ wallUs }) => wallUs)) / plainJsonUs(events);
  publishCosts(bursts, paces, [
    `an event text has ${short(bytes)} bytes; every commit is synced to the disk`,
    `at full load an event costs ${short(ratio)} times what JSON.stringify of it costs`,
    `at ${PACE_PER_SECOND} events/s a sync is shared by ${short(perGroup)} events, not by 1000`,
  ]);
}

await withFolder(measure);
