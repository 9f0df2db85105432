import { retryFloorMs } from "./retry_floor.ts";
import type { SessionEnd } from "../../src/transport/port.ts";

interface Recorded {
  data: string | null;
  resolved: boolean;
  evicted: boolean;
  discarded: boolean;
}

interface Run {
  readonly node: string;
  readonly run: number;
}

/** What the model asks of the brain's disk. */
export interface BrainRows {
  rowsOf(eventId: string): readonly string[];
  eventIds(): readonly string[];
  commands(): ReadonlyMap<string, { readonly status: string; readonly result: string | null }>;
}

/** What must be true of every schedule; it knows nothing of how delivery works. */
export class Model {
  readonly violations: string[] = [];
  readonly #brain: BrainRows;
  readonly #events = new Map<string, Recorded>();
  readonly #acked = new Set<string>();
  readonly #executions = new Map<string, Run[]>();
  readonly #mayMissResult = new Set<string>();
  readonly #authStreaks = new Map<string, number>();
  #capacityCounted = 0;
  #contentCounted = 0;
  #otherCounted = 0;

  constructor(brain: BrainRows) {
    this.#brain = brain;
  }

  recorded(id: string): void {
    this.#events.set(id, { data: null, resolved: false, evicted: false, discarded: false });
  }

  appended(texts: readonly string[]): void {
    for (const text of texts) {
      const { id, data } = JSON.parse(text) as { id: string; data: unknown };
      const event = this.#events.get(id);
      if (event === undefined) this.#fail(`event ${id} was stored and never recorded`);
      else event.data = JSON.stringify(data);
    }
  }

  resolved(id: string): void {
    const event = this.#events.get(id);
    if (event === undefined) return;
    event.resolved = true;
    if (event.data === null) this.#fail(`event ${id} was reported as stored before it was`);
  }

  evicted(ids: readonly string[]): void {
    for (const id of ids) this.#change(id, (event) => event.evicted = true);
  }

  removing(ids: readonly string[]): void {
    for (const id of ids) {
      if (!this.#acked.has(id)) this.#change(id, (event) => event.discarded = true);
    }
  }

  /** The brain hands over an ack: all of its batch must be committed by now. */
  brainAcks(ids: readonly string[]): void {
    for (const id of ids) {
      if (this.#brain.rowsOf(id).length !== 1) this.#fail(`event ${id} was acked uncommitted`);
    }
  }

  ackArrives(ids: readonly string[]): void {
    for (const id of ids) this.#acked.add(id);
  }

  executed(commandId: string, node: string, run: number): void {
    const runs = this.#executions.get(commandId) ?? [];
    runs.push({ node, run });
    this.#executions.set(commandId, runs);
    if (runs.length > 1) this.#fail(`command ${commandId} was carried out ${runs.length} times`);
  }

  executionOf(commandId: string): Run | undefined {
    return this.#executions.get(commandId)?.[0];
  }

  /** The network took this very frame out of a session that goes on. */
  resultSwallowed(commandId: string): void {
    this.#mayMissResult.add(commandId);
  }

  /** A session got an ack or lasted: failures before it no longer count. */
  sessionWorked(node: string): void {
    this.#authStreaks.delete(node);
  }

  waits(node: string, end: SessionEnd, delayMs: number): void {
    const streak = (this.#authStreaks.get(node) ?? 0) + 1;
    if (end.class === "auth") this.#authStreaks.set(node, streak);
    const floor = retryFloorMs(end, streak);
    if (delayMs < floor - 1) {
      this.#fail(`${node} dials after ${Math.round(delayMs)} ms, expected at least ${floor}`);
    }
  }

  /** A run is over: what it says it lost has to add up in the end. */
  countLosses(losses: Readonly<Record<string, Readonly<Record<string, number>>>>): void {
    for (const [reason, kinds] of Object.entries(losses)) {
      const count = Object.values(kinds).reduce((sum, one) => sum + one, 0);
      if (reason === "capacity") this.#capacityCounted += count;
      else if (reason === "content") this.#contentCounted += count;
      else this.#otherCounted += count;
    }
  }

  /** Everything is quiet: judges the whole. */
  judge(isSame: (node: string, run: number) => boolean): void {
    const all = [...this.#events.entries()];
    for (const [id, event] of all) {
      const rows = this.#brain.rowsOf(id);
      if (rows.length > 1) this.#fail(`event ${id} is stored ${rows.length} times`);
      const isExcused = !event.resolved || event.evicted || event.discarded;
      if (rows.length === 0 && !isExcused) this.#fail(`event ${id} was resolved and is lost`);
      if (rows.length === 1 && rows[0] !== event.data) this.#fail(`event ${id} was altered`);
    }
    for (const id of this.#brain.eventIds()) {
      if (!this.#events.has(id)) this.#fail(`event ${id} is in the brain and was never recorded`);
    }
    const evicted = all.filter(([, event]) => event.evicted).length;
    const discarded = all.filter(([, event]) => event.discarded).length;
    this.#mustCount("capacity", evicted, this.#capacityCounted);
    this.#mustCount("content", discarded, this.#contentCounted);
    this.#mustCount("storage and closed", 0, this.#otherCounted);
    for (const [id, { status, result }] of this.#brain.commands()) {
      const run = this.#executions.get(id)?.[0];
      if (status === "completed" && run === undefined) this.#fail(`command ${id} never ran`);
      if (status === "pending") this.#fail(`command ${id} still waits in the brain`);
      if (run === undefined || !isSame(run.node, run.run) || this.#mayMissResult.has(id)) continue;
      const by = `"by":"${run.node}#${run.run}"`;
      if (status !== "completed" || result?.includes(by) !== true) {
        this.#fail(`command ${id} was carried out, its result is missing: ${status}`);
      }
    }
  }

  fail(problem: string): void {
    this.#fail(problem);
  }

  #mustCount(reason: string, lost: number, counted: number): void {
    if (lost !== counted) this.#fail(`${lost} lost for ${reason}, ${counted} counted`);
  }

  #change(id: string, change: (event: Recorded) => void): void {
    const event = this.#events.get(id);
    if (event !== undefined) change(event);
  }

  #fail(problem: string): void {
    this.violations.push(problem);
  }
}
