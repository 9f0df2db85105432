/** What recording costs a host: ours on this runtime beside the Python agent, on the same events. */
import { join } from "node:path";
import type { Clock } from "../../src/base/clock.ts";
import { openBuffer } from "../../src/buffer/open.ts";
import type { TaskEvent } from "../../src/engines/contract.ts";
import { withFolder } from "./folder.ts";
import { openRecorder, plainJobs } from "./job_mix.ts";
import { figure, publish } from "./measure.ts";
import type { Peer } from "./peer.ts";
import { findPython, NOBODY, pythonWord, startPython } from "./python.ts";
import {
  burst,
  meteredClock,
  PACE_PER_SECOND,
  PACE_PORTION,
  paced,
  repeat,
} from "./record_cost.ts";
import type { Bench, BurstCost, PaceCost } from "./record_cost.ts";

const ROUNDS = 5;
const EVENTS = 3000;

interface PythonBurst {
  readonly callUs: number;
  readonly wholeUs: number;
}

interface PythonPace {
  readonly callUs: number;
}

/** The same events, recorded by both, one after the other. */
interface Round {
  readonly burst: BurstCost;
  readonly pace: PaceCost;
  readonly pythonBurst: PythonBurst;
  readonly pythonPace: PythonPace;
}

async function round(bench: Bench, python: Peer<unknown>): Promise<Round> {
  const { events } = bench;
  return {
    burst: await burst(bench),
    pythonBurst: await python.ask(pythonWord("burst", events)) as PythonBurst,
    pace: await paced(bench),
    pythonPace: await python.ask(
      pythonWord("pace", events, PACE_PER_SECOND, PACE_PORTION),
    ) as PythonPace,
  };
}

function publishRounds(rounds: readonly Round[], version: string): void {
  const all = (of: (one: Round) => number): number[] => rounds.map(of);
  const pace = `${PACE_PER_SECOND} events/s`;
  publish("record_python", [
    // Like with like: redaction, building and storing on both sides.
    figure("full load, same work, Python to ours", "times", all(workRatio), {
      is: "at least",
      value: 10,
    }),
    figure(`${pace}, call, Python without redaction to ours`, "times", all(callRatio)),
    figure(`${pace}, all, Python without redaction to ours`, "times", all(allRatio)),
    figure("full load, all, Python without redaction to ours", "times", all(burstRatio)),
    figure(`${pace}, record()`, "µs/event", all((one) => one.pace.recordUs)),
    figure(`${pace}, record() and commits`, "µs/event", all(({ pace }) => heldUs(pace))),
    figure(`${pace}, Python record_event`, "µs/event", all((one) => one.pythonPace.callUs)),
    figure("full load, record() and commits", "µs/event", all(({ burst }) => burst.wallUs)),
    figure("full load, Python record_event", "µs/event", all((one) => one.pythonBurst.callUs)),
    figure("full load, Python with redaction", "µs/event", all((one) => one.pythonBurst.wholeUs)),
  ], [
    `z4j-bare ${version} writes inside record_event; ours writes in groups, from a timer`,
    "ours maps, redacts and prints inside record(); the Python agent leaves redaction and the " +
    "building of the event to its engines, so they are only in the last row and in the same work",
    "both buffers are SQLite files, ours syncs each commit (FULL), the Python one does not (NORMAL)",
  ]);
}

const heldUs = ({ recordUs, commitUs }: PaceCost): number => recordUs + commitUs;
const callRatio = ({ pythonPace, pace }: Round): number => pythonPace.callUs / pace.recordUs;
const allRatio = ({ pythonPace, pace }: Round): number => pythonPace.callUs / heldUs(pace);
const burstRatio = (one: Round): number => one.pythonBurst.callUs / one.burst.wallUs;

const workRatio = (one: Round): number => one.pythonBurst.wholeUs / one.burst.wallUs;

async function openBench(folder: string, clock: Clock): Promise<Omit<Bench, "timerMs">> {
  const buffer = await openBuffer({ path: join(folder, "buffer.sqlite"), clock });
  if (!buffer.capabilities.durable) throw new Error("the buffer file could not be opened");
  const events: readonly TaskEvent[] = plainJobs(EVENTS / 3);
  return { recorder: openRecorder(buffer), buffer, events };
}

async function measure(folder: string, path: string): Promise<void> {
  const { clock, spentMs } = meteredClock();
  const bench = { ...await openBench(folder, clock), timerMs: spentMs };
  const python = await startPython(path, join(folder, "python"), NOBODY);
  try {
    await repeat(3, () => burst(bench));
    await round(bench, python);
    publishRounds(await repeat(ROUNDS, () => round(bench, python)), python.ready.version);
  } finally {
    await python.end();
    await bench.buffer.close();
  }
}

const python = findPython();
if ("missing" in python) console.log(JSON.stringify({ skipped: python.missing }));
else await withFolder((folder) => measure(folder, python.path));
