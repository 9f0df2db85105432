import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import { startFakeBrain } from "../../src/testing/fake_brain.ts";
import type { Fault, Host, Runtime } from "./fault.ts";
import { SECRET, TOKEN } from "./identity.ts";
import { type Bench, judgeAgent, judgeBrain, type Verdict } from "./judge.ts";
import { runHost } from "./run_host.ts";

type Counts = Readonly<Record<string, number>>;

/** What one run came to. */
export interface Tried {
  readonly verdict: Verdict;
  /** How often it made each call. */
  readonly counts: Counts;
}

// A write of an event; those before it made the schema.
const CONTROL_AT = { agent: 60, kv: 0, brain: 220 } as const;

// Calls of the driver in one run, somewhat fewer than there are.
const DRIVER_POINTS = { agent: { driver: 150 }, kv: {}, brain: { driver: 40 } } as const;

/** Runs hosts, each with one fault, and judges them. */
export class Trials {
  readonly #brain: Awaited<ReturnType<typeof startFakeBrain>>;
  readonly #open: Bench["open"];
  readonly #traced: boolean;
  #count = 0;

  private constructor(
    brain: Awaited<ReturnType<typeof startFakeBrain>>,
    open: Bench["open"],
    traced: boolean,
  ) {
    this.#brain = brain;
    this.#open = open;
    this.#traced = traced;
  }

  /** Opens the brain that all agents send to. */
  static async open(traced: boolean): Promise<Trials> {
    const brain = await startFakeBrain({ secret: SECRET, token: TOKEN });
    return new Trials(brain, await loadSqlite(), traced);
  }

  /** How often an undisturbed host makes each call; it has to be well. */
  async points(host: Host, runtime: Runtime): Promise<Counts> {
    const { verdict, counts } = await this.run(host, runtime, null);
    const broken = verdict.broken.join("; ");
    if (broken !== "") {
      throw new Error(`an undisturbed ${host} on ${runtime} is not well: ${broken}`);
    }
    return counts;
  }

  /** How many promised events a process loses that does not sync: none would be suspicious. */
  async control(host: Host, runtime: Runtime): Promise<number> {
    const at = CONTROL_AT[host];
    const fault: Fault = { host, runtime, call: "pwrite64", at, mode: "once", error: "EIO" };
    return (await this.run(host, runtime, fault, true)).verdict.lost;
  }

  /** Runs a host to its end and judges what it left. */
  async run(
    host: Host,
    runtime: Runtime,
    fault: Fault | null,
    unsynced = false,
  ): Promise<Tried> {
    const trial = `t${this.#count++}`;
    const run = { host, runtime, trial, brainUrl: this.#brain.url, fault, unsynced };
    const ended = await runHost(run, this.#traced);
    try {
      const delivered = this.#brain.events.values();
      const bench = { open: this.#open, trial, fault, delivered };
      const judge = host === "brain" ? judgeBrain : judgeAgent;
      const verdict = await judge(ended, bench);
      return { verdict, counts: this.#traced ? ended.trace.counts : DRIVER_POINTS[host] };
    } finally {
      ended.remove();
    }
  }

  /** Closes the brain. */
  async close(): Promise<void> {
    await this.#brain.close();
  }
}
