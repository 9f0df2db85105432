import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AgentSecrets } from "./brain.ts";
import { type ChaosChild, startChild } from "./child.ts";
import { type JournalFacts, readJournal } from "./journal.ts";
import type { KillLog } from "./kill_log.ts";
import { PLANT_VARIABLE } from "./plants.ts";
import { AGENT_POINTS, drawPoint, POINT_VARIABLE } from "./points.ts";
import type { Random } from "./random.ts";
import type { Variant } from "./slots.ts";
import type { WriterTask } from "./writer.ts";

/** What a slot is given. */
export interface SlotParts {
  /** Name; begins the task id of each of its events. */
  readonly name: string;
  readonly variant: Variant;
  readonly folder: string;
  /** The agents' common home. */
  readonly home: string;
  readonly brainUrl: string;
  readonly secrets: AgentSecrets;
  readonly kills: number;
  readonly events: number;
  readonly plant: string | undefined;
  /** How many times longer lives are, for a brain that starts slowly. */
  readonly pace: number;
  readonly random: Random;
  readonly log: KillLog;
}

/** One writer after another in the same place: each is killed but the last. */
export interface WriterSlot {
  readonly name: string;
  /** Spends the kills, then starts the last writer and lets it record the rest. */
  run(): Promise<void>;
  /** Waits until the last writer has delivered what it sees; false when it died. */
  drained(): Promise<boolean>;
  /** Ends the last writer politely. */
  stop(): Promise<void>;
  /** Ends it for good. */
  abandon(): void;
  /** What its writers noted. */
  journals(): readonly JournalFacts[];
}

// A writer that is to die at a place it never reaches dies after this.
const POINT_DEADLINE_MS = 1500;
// Longest life of a writer that dies at any time.
const LIFE_MS = 900;
// Opening its buffer may wait for locks and adopt what others left.
const UP_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 15_000;

/** Creates a slot; nothing runs yet. */
export function createSlot(parts: SlotParts): WriterSlot {
  return new Slot(parts);
}

class Slot implements WriterSlot {
  readonly name: string;
  readonly #parts: SlotParts;
  readonly #journals: string[] = [];
  #next = 1;
  #child: ChaosChild | undefined;
  #isOver = false;

  constructor(parts: SlotParts) {
    this.#parts = parts;
    this.name = parts.name;
  }

  async run(): Promise<void> {
    const { kills } = this.#parts;
    for (let left = kills; left > 0 && !this.#isOver; left--) await this.#killOne(left);
    if (!this.#isOver) await this.#start(this.#left(), true, undefined).line("up", UP_DEADLINE_MS);
  }

  async drained(): Promise<boolean> {
    return await this.#child?.line("drained") !== null;
  }

  async stop(): Promise<void> {
    const { log, name } = this.#parts;
    const child = this.#child;
    if (child === undefined) return;
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
    const { code, signal } = await child.ended;
    clearTimeout(timer);
    if (code !== 0) {
      log.accident(`the last writer of ${name} ended with ${signal ?? code}`, this.#log);
    }
  }

  abandon(): void {
    this.#isOver = true;
    this.#child?.kill("SIGKILL");
  }

  journals(): readonly JournalFacts[] {
    return this.#journals.map(readJournal);
  }

  async #killOne(killsLeft: number): Promise<void> {
    const { random, log, name, pace } = this.#parts;
    const share = Math.ceil(this.#left() / (killsLeft + 1));
    const point = random.chance(0.6) ? drawPoint(AGENT_POINTS, random) : undefined;
    const lifeMs = random.int(0, LIFE_MS) * pace;
    const child = this.#start(share, false, point?.text);
    const isUp = await child.line("up", UP_DEADLINE_MS) !== null;
    const wait = new AbortController();
    const timeUp = sleep(point === undefined ? lifeMs : POINT_DEADLINE_MS * pace, "time", {
      signal: wait.signal,
    }).catch(() => "time");
    const outcome = await Promise.race([child.ended, isUp ? timeUp : sleep(0, "time")]);
    wait.abort();
    child.kill("SIGKILL");
    const { code, signal } = await child.ended;
    if (signal !== "SIGKILL") {
      log.accident(`a writer of ${name} ended with ${signal ?? code}`, this.#log);
    }
    if (!isUp && outcome === "time") log.accident(`a writer of ${name} never started`, this.#log);
    log.killed("agent", outcome === "time" ? null : point?.name ?? null);
    this.#next = Math.max(this.#next, this.#lastRecorded() + 1);
  }

  // By number, not by count: what a writer adopts may pass its journal as well.
  #lastRecorded(): number {
    const own = `${this.name}-`;
    const { events } = readJournal(this.#journals.at(-1) ?? "");
    return events.filter(({ taskId }) => taskId.startsWith(own))
      .reduce((last, { taskId }) => Math.max(last, Number(taskId.slice(own.length))), 0);
  }

  get #log(): string {
    return join(this.#parts.folder, `${this.name}.log`);
  }

  #left(): number {
    return Math.max(0, this.#parts.events - this.#next + 1);
  }

  #start(count: number, last: boolean, point: string | undefined): ChaosChild {
    const { name, variant, folder, home, brainUrl, secrets, plant, random } = this.#parts;
    const journal = join(folder, "journals", `${name}-${this.#journals.length}`);
    this.#journals.push(journal);
    const seed = random.int(0, 2 ** 31);
    const task: WriterTask = { slot: name, from: this.#next, count, seed, journal, last };
    return this.#child = startChild({
      runtime: variant.runtime,
      script: "scripts/chaos_parts/writer.ts",
      args: [JSON.stringify(task)],
      log: this.#log,
      env: {
        Z4J_BRAIN_URL: brainUrl,
        Z4J_TOKEN: secrets.token,
        Z4J_HMAC_SECRET: secrets.secret,
        Z4J_PROJECT_ID: "default",
        Z4J_HOME: home,
        ...(plant === undefined ? {} : { [PLANT_VARIABLE]: plant }),
        ...(point === undefined ? {} : { [POINT_VARIABLE]: point }),
        ...variant.env,
      },
    });
  }
}
