/**
 * What it costs a host to record an event: redaction, canonical text and its
 * share of the group commits, in a SQLite file on disk.
 */
import { join } from "node:path";
import { openBuffer } from "../../src/buffer/open.ts";
import type { TaskEvent } from "../../src/engines/contract.ts";
import { withFolder } from "./folder.ts";
import { meanBytes, openRecorder, plainJobs, storedEntries } from "./job_mix.ts";
import { figure, type Goal, median, publish, short } from "./measure.ts";
import {
  type Bench,
  burst,
  type BurstCost,
  meteredClock,
  PACE_MS,
  PACE_PER_SECOND,
  type PaceCost,
  paced,
  repeat,
} from "./record_cost.ts";

// For a host under full load, where groups are full.
const GOAL: Goal = { is: "at most", value: 15 };
const BURST_EVENTS = 12_000;
const BURST_ROUNDS = 15;
const PACE_ROUNDS = 3;

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
