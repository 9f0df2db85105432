import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MaybePromise } from "../../src/base/maybe_promise.ts";
import type { OpenSqlite } from "../../src/buffer/sqlite_driver.ts";
import type { Fault } from "./fault.ts";
import type { AgentReport, BrainReport, Mark } from "./marks.ts";
import { makePlace } from "./place.ts";
import { brainRows, bufferRows, type EventText, numberOf } from "./rows.ts";
import type { Ended } from "./run_host.ts";
import { SickDisk } from "./sick_disk.ts";

/** What one run showed. */
export interface Verdict {
  /** Broken promises in words; none is well. */
  readonly broken: readonly string[];
  /** Calls that were made to fail. */
  readonly injected: number;
  /** Events that had been promised: reported as stored, or acknowledged. */
  readonly promised: number;
  /** Of these, missing at the end or after a power cut. */
  readonly lost: number;
  /** Events that were counted as lost. */
  readonly counted: number;
  /** Of these, there all the same: a failed sync may have written them. */
  readonly countedButThere: number;
  /** Moments after the fault at which the power was cut as well. */
  readonly powerCuts: number;
}

/** What a judge needs besides the run. */
export interface Bench {
  readonly open: OpenSqlite;
  readonly trial: string;
  readonly fault: Fault | null;
  /** Every event that the brain of the run got, of any trial. */
  readonly delivered: Iterable<EventText>;
}

// Far above what a host may be held up, far below what anybody would miss: the
// machine that runs this is busy.
const LONGEST_GAP_MS = 5_000;

/** What is wrong with the host itself: it must not notice anything. */
function disturbed({ code, stderr, report }: Ended, gapMs: number | undefined): string[] {
  const broken: string[] = [];
  if (code !== 0) broken.push(`the host ended with ${code}: ${stderr.slice(-400)}`);
  if (code === 0 && stderr !== "") broken.push(`the host was told: ${stderr.slice(-400)}`);
  if (report === null) broken.push("the host did not come to its end");
  if ((gapMs ?? 0) > LONGEST_GAP_MS) broken.push(`the host stood still for ${gapMs} ms`);
  return broken;
}

/** Judges a host with an agent. */
export async function judgeAgent(ended: Ended, bench: Bench): Promise<Verdict> {
  const { open, trial, fault } = bench;
  const report = ended.report as AgentReport | null;
  const broken = disturbed(ended, report?.longestGapMs);
  const delivered = deliveredOf(bench, broken);
  const promised = new Set<number>();
  let recorded = 0;
  let lostToPower = 0;
  let [online, offline] = [false, false];
  const cuts = await cutPower(ended, async (platter, mark) => {
    if (mark.recorded !== undefined) recorded = mark.recorded;
    if (mark.resolved !== undefined) { for (const n of range(mark.resolved)) promised.add(n); }
    online = (online || mark.online === true) && mark.offline !== true;
    offline ||= mark.offline === true;
    // While deliveries run, what is at the brain cannot be told from here.
    if (platter === null || online) return false;
    const found = await bufferRows(open, platter, trial);
    const known = offline ? [...found.numbers, ...delivered] : found.numbers;
    lostToPower += miss(promised, known, broken, "after a power loss, reported as stored");
    broken.push(...found.broken.map((text) => `after a power loss: ${text}`));
    return true;
  });
  const found = await bufferRows(open, ended.folder, trial);
  broken.push(...found.broken);
  const all = new Set([...found.numbers, ...delivered]);
  const lost = miss(promised, all, broken, "reported as stored");
  for (const n of all) if (n >= recorded) broken.push(`event ${n} was never recorded`);
  const counted = sumOf(report?.losses ?? {});
  const missing = recorded - all.size;
  if (report !== null && missing > counted) {
    broken.push(`${missing} of ${recorded} events are missing, ${counted} are counted as lost`);
  }
  if (report !== null && fault?.mode !== "ever" && !isRepeated(ended, fault)) {
    if (counted > 0 && !mayCloseBadly(ended)) broken.push(`${counted} events were given up`);
    if (report.unresolved > 0 || !report.durable) {
      broken.push(`it did not go on by itself: ${report.unresolved} events wait`);
    }
  }
  return {
    broken,
    injected: ended.trace.injected,
    promised: promised.size,
    lost: lost + lostToPower,
    counted,
    countedButThere: Math.max(0, counted - missing),
    powerCuts: cuts,
  };
}

/** Deno KV opens with a new thread each time, and strace counts anew for each. */
function isRepeated({ trace }: Ended, fault: Fault | null): boolean {
  return fault?.host === "kv" && trace.injected > 1;
}

/** A single fault during the close leaves nobody who could try again. */
function mayCloseBadly({ trace }: Ended): boolean {
  return !trace.calls.slice(trace.firstFault).some((call) => call.kind === "mark");
}

/** Judges a host with the embedded brain. */
export async function judgeBrain(
  ended: Ended,
  { open, trial, fault }: Bench,
): Promise<Verdict> {
  const report = ended.report as BrainReport | null;
  const broken = disturbed(ended, report?.longestGapMs);
  const promised = new Set<number>();
  const made = new Set<string>();
  let recorded = 0;
  let lostToPower = 0;
  const check = (folder: string, when: string): number => {
    const found = brainRows(open, folder, trial);
    broken.push(...found.broken.map((text) => when + text));
    for (const name of made) {
      if (!found.agents.has(name)) broken.push(`${when}${name} was made and is missing`);
    }
    for (const n of found.numbers) if (n >= recorded) broken.push(`${when}event ${n} is foreign`);
    return miss(promised, found.numbers, broken, `${when}acknowledged`);
  };
  const cuts = await cutPower(ended, (platter, mark) => {
    if (mark.recorded !== undefined) recorded = mark.recorded;
    if (mark.acked !== undefined) { for (const n of range(mark.acked)) promised.add(n); }
    if (mark.made !== undefined) made.add(mark.made);
    if (platter === null) return false;
    lostToPower += check(platter, "after a power loss: ");
    return true;
  });
  const lost = check(ended.folder, "");
  broken.push(...report?.unclean ?? []);
  if (report !== null && fault?.mode !== "ever" && report.acked < report.recorded) {
    broken.push(`the brain did not go on: ${report.acked} of ${report.recorded} acknowledged`);
  }
  return {
    broken,
    injected: ended.trace.injected,
    promised: promised.size,
    lost: lost + lostToPower,
    counted: 0,
    countedButThere: 0,
    powerCuts: cuts,
  };
}

type AtMark = (
  platter: string | null,
  mark: Mark,
) => MaybePromise<boolean>;

/** Replays a run on a disk that forgets; cuts the power at every promise after the fault. */
async function cutPower({ trace }: Ended, at: AtMark): Promise<number> {
  const disk = new SickDisk();
  let cuts = 0;
  for (const [position, call] of trace.calls.entries()) {
    disk.take(call);
    if (call.kind !== "mark") continue;
    const { mark } = call;
    const isPromise = mark.resolved !== undefined || mark.acked !== undefined ||
      mark.made !== undefined;
    if (!isPromise || position < trace.firstFault) {
      await at(null, mark);
      continue;
    }
    const platter = makePlace("z4j-nth-platter-");
    try {
      for (const [name, bytes] of disk.platter()) writeFileSync(join(platter, name), bytes);
      if (await at(platter, mark)) cuts++;
    } finally {
      rmSync(platter, { recursive: true, force: true });
    }
  }
  return cuts;
}

function deliveredOf({ delivered, trial }: Bench, broken: string[]): Set<number> {
  const numbers = new Set<number>();
  for (const event of delivered) {
    if (!String(event.task_id).startsWith(`${trial}:`)) continue;
    const n = numberOf(event, trial, broken);
    if (n !== null) numbers.add(n);
  }
  return numbers;
}

function miss(
  promised: ReadonlySet<number>,
  there: Iterable<number>,
  broken: string[],
  what: string,
): number {
  const known = new Set(there);
  const missing = [...promised].filter((n) => !known.has(n));
  if (missing.length > 0) broken.push(`${what} and missing: ${missing.slice(0, 6).join()}`);
  return missing.length;
}

function range([first, last]: readonly [number, number]): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function sumOf(losses: AgentReport["losses"]): number {
  return Object.values(losses).flatMap((byKind) => Object.values(byKind))
    .reduce((sum, count) => sum + count, 0);
}
