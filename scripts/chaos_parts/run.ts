import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Account, balance, holds } from "./account.ts";
import { type ChaosBrain, openEmbeddedBrain, openStockBrain } from "./brain.ts";
import { readBrain } from "./brain_rows.ts";
import { type CuttingProxy, type ProxyCounts, startCuttingProxy } from "./cutting_proxy.ts";
import { createKillLog, type KillLog } from "./kill_log.ts";
import type { ChaosOptions } from "./options.ts";
import { BRAIN_POINTS, drawPoint } from "./points.ts";
import { createRandom, type Random } from "./random.ts";
import { filesLeft, waitingRows } from "./leftovers.ts";
import { VARIANTS } from "./slots.ts";
import { createSlot, type WriterSlot } from "./writer_slot.ts";

/** What a run was and what became of its events. */
export interface ChaosReport {
  readonly options: ChaosOptions;
  readonly holds: boolean;
  readonly account: Account;
  readonly kills: KillLog["kills"];
  readonly points: KillLog["points"];
  readonly connections: ProxyCounts;
  /** What went wrong outside the account. */
  readonly accidents: readonly string[];
  /** Events that still wait in files of the agents' home. */
  readonly waiting: number;
  /** Files left in that home at the end. */
  readonly files: number;
  readonly seconds: number;
  /** Where everything lies, when it was kept. */
  readonly folder: string | null;
}

// Slots per run, so that buffers of one home meet while others die.
const SLOTS = 4;
// Share of the kills that hit the brain: each one also ends every session.
const BRAIN_SHARE = 0.3;
const DRAIN_DEADLINE_MS = 60_000;
// The stock brain takes some six seconds to start.
const PACE = { embedded: 1, stock: 6 };
const LONGEST_LIFE_MS = { embedded: 500, stock: 4000 };
// A brain that is to die at a place it never reaches dies after this.
const POINT_DEADLINE_MS = 900;
// A stock brain takes 9 ms an event.
const DRAIN_PER_EVENT_MS = { embedded: 0.2, stock: 25 };

/** How to watch and end a run. */
export interface RunHooks {
  /** Told after each kill how many there were. */
  readonly told?: (kills: number) => void;
  /** Ends the run and its processes. */
  readonly signal?: AbortSignal;
}

/** Carries out a run. The account may fail; this rejects only when nothing could be run. */
export async function runChaos(options: ChaosOptions, hooks: RunHooks = {}): Promise<ChaosReport> {
  const startedAt = performance.now();
  const folder = mkdtempSync(join(tmpdir(), "z4j-chaos-"));
  for (const name of ["journals", "home"]) mkdirSync(join(folder, name), { mode: 0o700 });
  const random = createRandom(options.seed);
  const log = createKillLog(hooks.told ?? (() => {}));
  const proxy = await startCuttingProxy(random.fork("proxy"));
  try {
    const brain = await openBrain(options, folder);
    const slots = createSlots(options, { folder, random, log, proxy, brain });
    const around = { folder, random, log, proxy, brain, slots };
    try {
      const work = carryOut(options, around);
      await Promise.race([work, interruption(hooks.signal)]);
      const seconds = Math.round(performance.now() - startedAt) / 1000;
      return report(options, around, await work, seconds);
    } finally {
      for (const slot of slots) slot.abandon();
      await brain.kill().catch(() => {});
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  } finally {
    await proxy.close();
  }
}

function interruption(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(new Error("interrupted")), { once: true });
  });
}

interface Outcome {
  readonly account: Account;
  readonly waiting: number;
}

async function carryOut(
  options: ChaosOptions,
  { folder, random, log, proxy, brain, slots }: Whole,
): Promise<Outcome> {
  await Promise.all([
    killBrain(brain, proxy, Math.round(options.kills * BRAIN_SHARE), random.fork("brain"), log),
    ...slots.map((slot) => slot.run()),
  ]);
  proxy.calm();
  const waiting = await drain(options, slots, join(folder, "home"), log);
  await Promise.all(slots.map((slot) => slot.stop()));
  await brain.stop();
  checkVariants(options, slots, log);
  const journals = slots.flatMap((slot) => slot.journals());
  const stored = await readBrain(options.brain, brain.database);
  return { waiting, account: balance(options.brain, journals, stored) };
}

function report(
  options: ChaosOptions,
  { folder, log, proxy }: Whole,
  { account, waiting }: Outcome,
  seconds: number,
): ChaosReport {
  const isWell = holds(account) && log.accidents.length === 0 && waiting === 0 &&
    account.recorded === options.events;
  const files = filesLeft(join(folder, "home"));
  const keep = options.keep || (!isWell && options.plant === undefined);
  if (!keep) rmSync(folder, { recursive: true, force: true });
  return {
    options,
    holds: isWell,
    account,
    kills: log.kills,
    points: log.points,
    connections: proxy.counts(),
    accidents: log.accidents,
    waiting,
    files,
    seconds,
    folder: keep ? folder : null,
  };
}

function openBrain(
  { brain, brainRuntime, plant }: ChaosOptions,
  folder: string,
): Promise<ChaosBrain> {
  const agents = Array.from({ length: SLOTS }, (_, i) => `chaos-${i}`);
  const place = { folder, runtime: brainRuntime, agents, plant };
  return brain === "embedded" ? openEmbeddedBrain(place) : openStockBrain(place);
}

interface Surroundings {
  readonly folder: string;
  readonly random: Random;
  readonly log: KillLog;
  readonly proxy: CuttingProxy;
  readonly brain: ChaosBrain;
}

interface Whole extends Surroundings {
  readonly slots: readonly WriterSlot[];
}

function createSlots(options: ChaosOptions, around: Surroundings): readonly WriterSlot[] {
  const { folder, random, log, proxy, brain } = around;
  const variants = VARIANTS.filter(({ name }) => options.variants.includes(name));
  const kills = options.kills - Math.round(options.kills * BRAIN_SHARE);
  const home = join(folder, "home");
  return Array.from({ length: SLOTS }, (_, i) => {
    const variant = variants[i % variants.length];
    const secrets = brain.agents[i];
    if (variant === undefined || secrets === undefined) throw new Error("no variant to run");
    return createSlot({
      name: `s${i}`,
      variant,
      folder,
      home,
      brainUrl: `http://127.0.0.1:${proxy.port}`,
      secrets,
      kills: share(kills, i),
      events: share(options.events, i),
      plant: options.plant,
      pace: PACE[options.brain],
      random: random.fork(`slot ${i}`),
      log,
    });
  });
}

function share(total: number, index: number): number {
  return Math.floor(total / SLOTS) + (index < total % SLOTS ? 1 : 0);
}

/** Kills the brain so many times and leaves it running. */
async function killBrain(
  brain: ChaosBrain,
  proxy: CuttingProxy,
  kills: number,
  random: Random,
  log: KillLog,
): Promise<void> {
  // The first one runs since its agents were minted; it is replaced at once.
  await brain.kill();
  for (let left = kills; left > 0; left--) {
    const hasPoint = brain.kind === "embedded" && random.chance(0.6);
    const point = hasPoint ? drawPoint(BRAIN_POINTS, random) : undefined;
    const lifeMs = random.int(30, LONGEST_LIFE_MS[brain.kind]);
    const pauseMs = random.chance(0.5) ? 0 : random.int(0, 300);
    const port = await brain.start(point?.text);
    proxy.aim(port);
    const wait = new AbortController();
    const timeUp = sleep(point === undefined ? lifeMs : POINT_DEADLINE_MS, "time", {
      signal: wait.signal,
    })
      .catch(() => "time");
    const outcome = await Promise.race([timeUp, brain.died()]);
    wait.abort();
    await brain.kill();
    proxy.aim(null);
    await checkEnd(brain, log);
    log.killed("brain", outcome === "time" ? null : point?.name ?? null);
    await sleep(pauseMs);
  }
  proxy.aim(await brain.start());
}

async function checkEnd(brain: ChaosBrain, log: KillLog): Promise<void> {
  if (brain.kind !== "embedded") return;
  const { code, signal } = await brain.died();
  if (signal !== "SIGKILL") log.accident(`the brain ended with ${signal ?? code}`, brain.log);
}

/** Waits until nothing waits any more; answers what does at the deadline. */
async function drain(
  options: ChaosOptions,
  slots: readonly WriterSlot[],
  home: string,
  log: KillLog,
): Promise<number> {
  const allowedMs = DRAIN_DEADLINE_MS + options.events * DRAIN_PER_EVENT_MS[options.brain];
  const deadline = performance.now() + allowedMs;
  const timer = new AbortController();
  const timeUp = sleep(allowedMs, "late", { signal: timer.signal }).catch(() => "late");
  for (const slot of slots) {
    const outcome = await Promise.race([slot.drained(), timeUp]);
    if (outcome === true) continue;
    log.accident(`the last writer of ${slot.name} ${outcome === "late" ? "is not done" : "died"}`);
  }
  timer.abort();
  // A neighbour may still be about to adopt what a dead process left.
  for (;;) {
    const waiting = await waitingRows(home);
    if (waiting === 0 || performance.now() > deadline) return waiting;
    await sleep(200);
  }
}

function checkVariants(
  options: ChaosOptions,
  slots: readonly WriterSlot[],
  log: KillLog,
): void {
  const variants = VARIANTS.filter(({ name }) => options.variants.includes(name));
  slots.forEach((slot, i) => {
    const expected = variants[i % variants.length]?.name;
    const headers = slot.journals().flatMap(({ header }) => header === null ? [] : [header]);
    const wrong = headers.find(({ variant, durable }) => variant !== expected || !durable);
    if (headers.length === 0) log.accident(`no writer of ${slot.name} opened its buffer`);
    if (wrong !== undefined) {
      log.accident(`a writer of ${slot.name} was ${JSON.stringify(wrong)}, expected ${expected}`);
    }
  });
}
