/**
 * The Nth call fails, for an agent and for the embedded brain, on Deno and on
 * Bun: see `./scripts/nth_call`.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { loadSqlite } from "../src/buffer/load_sqlite.ts";
import { startFakeBrain } from "../src/testing/fake_brain.ts";
import { keepAccount } from "./account_parts/json.ts";
import { createRandom } from "./chaos_parts/random.ts";
import {
  describe,
  everyFault,
  type Fault,
  type Host,
  type Runtime,
  sample,
} from "./nth_call_parts/fault.ts";
import { SECRET, TOKEN } from "./nth_call_parts/identity.ts";
import { type Bench, judgeAgent, judgeBrain, type Verdict } from "./nth_call_parts/judge.ts";
import { runHost } from "./nth_call_parts/run_host.ts";

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    runs: { type: "string" },
    only: { type: "string" },
    calls: { type: "string" },
    json: { type: "string" },
    "no-trace": { type: "boolean", default: false },
  },
});

const RUNS = 100;
const AT_ONCE = 2;
const EXAMPLES = 12;
const seed = Number(values.seed);

/** Sums over the faults of one host on one runtime. */
interface Row {
  readonly host: Host;
  readonly runtime: Runtime;
  readonly points: number;
  runs: number;
  injected: number;
  powerCuts: number;
  promised: number;
  countedLost: number;
  countedButThere: number;
  lost: number;
  broken: number;
}

function mayTrace(): boolean {
  try {
    execFileSync("strace", ["-f", "--seccomp-bpf", "-o", "/dev/null", "true"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

type Brain = Awaited<ReturnType<typeof startFakeBrain>>;

/** Runs hosts, each with one fault, and judges them. */
class Trials {
  readonly #brain: Brain;
  readonly #open: Bench["open"];
  readonly #traced: boolean;
  #count = 0;

  constructor(brain: Brain, open: Bench["open"], traced: boolean) {
    this.#brain = brain;
    this.#open = open;
    this.#traced = traced;
  }

  /** How often an undisturbed host makes each call; it has to be well. */
  async points(host: Host, runtime: Runtime): Promise<Readonly<Record<string, number>>> {
    const { verdict, counts } = await this.run(host, runtime, null);
    const broken = verdict.broken.join("; ");
    if (broken !== "") {
      throw new Error(`an undisturbed ${host} on ${runtime} is not well: ${broken}`);
    }
    return counts;
  }

  /** How many promised events a process loses that does not sync: none would be suspicious. */
  async control(host: Host, runtime: Runtime): Promise<number> {
    const error = "EIO";
    const fault = {
      host,
      runtime,
      call: "pwrite64",
      at: CONTROL_AT[host],
      mode: "once",
      error,
    } as const;
    return (await this.run(host, runtime, fault, true)).verdict.lost;
  }

  async run(
    host: Host,
    runtime: Runtime,
    fault: Fault | null,
    unsynced = false,
  ): Promise<{ readonly verdict: Verdict; readonly counts: Readonly<Record<string, number>> }> {
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
}

// A write of an event; those before it made the schema.
const CONTROL_AT = { agent: 60, kv: 0, brain: 220 } as const;

// Calls of the driver in one run, somewhat fewer than there are.
const DRIVER_POINTS = { agent: { driver: 150 }, kv: {}, brain: { driver: 40 } } as const;

const CELLS = [
  { host: "agent", runtime: "bun" },
  { host: "agent", runtime: "deno" },
  { host: "kv", runtime: "deno" },
  { host: "brain", runtime: "bun" },
  { host: "brain", runtime: "deno" },
] as const;

const isWanted = ({ call }: Fault): boolean =>
  values.calls === undefined || values.calls.split(",").includes(call);

const pickOf = (host: Host, runtime: Runtime): boolean =>
  values.only === undefined || `${host}-${runtime}`.includes(values.only);

async function main(): Promise<void> {
  const traced = !values["no-trace"] && mayTrace();
  if (!traced) {
    console.error(
      "z4j: Cannot trace a process here, expected strace with permission to trace: " +
        "the driver of SQLite fails instead of the kernel, and syncs are not judged",
    );
  }
  const startedAt = performance.now();
  const brain = await startFakeBrain({ secret: SECRET, token: TOKEN });
  const trials = new Trials(brain, await loadSqlite(), traced);
  const random = createRandom(seed);
  const rows: Row[] = [];
  const queue: Fault[] = [];
  const cells = CELLS.filter(({ host, runtime }) => pickOf(host, runtime))
    // The driver of Deno KV cannot be reached.
    .filter(({ host }) => traced || host !== "kv");
  for (const { host, runtime } of cells) {
    const counts = await trials.points(host, runtime);
    const faults = everyFault(host, runtime, counts).filter(isWanted);
    const runs = Number(values.runs ?? RUNS);
    const share = values.full ? faults.length : Math.ceil(runs / cells.length);
    queue.push(...sample(faults, share, random.fork(`${host} ${runtime}`)));
    const points = Object.values(counts).reduce((sum, count) => sum + count, 0);
    rows.push({ host, runtime, points, ...NOTHING });
  }
  const examples: string[] = [];
  const work = async (): Promise<void> => {
    for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
      const { verdict } = await trials.run(fault.host, fault.runtime, fault);
      add(rows, fault, verdict);
      if (verdict.broken.length === 0) continue;
      examples.push(`${describe(fault)}: ${verdict.broken.slice(0, 3).join("; ")}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const lost: number[] = [];
  for (const { host, runtime } of traced ? cells : []) {
    // The syncs of Deno KV cannot be weakened from here.
    if (host !== "kv") lost.push(await trials.control(host, runtime));
  }
  await brain.close();
  tell(rows, examples, { runs: lost.length, lost }, traced, startedAt);
}

const NOTHING = {
  runs: 0,
  injected: 0,
  powerCuts: 0,
  promised: 0,
  countedLost: 0,
  countedButThere: 0,
  lost: 0,
  broken: 0,
};

function add(rows: readonly Row[], { host, runtime }: Fault, verdict: Verdict): void {
  const row = rows.find((one) => one.host === host && one.runtime === runtime);
  if (row === undefined) return;
  row.runs++;
  row.injected += verdict.injected;
  row.powerCuts += verdict.powerCuts;
  row.promised += verdict.promised;
  row.countedLost += verdict.counted;
  row.countedButThere += verdict.countedButThere;
  row.lost += verdict.lost;
  if (verdict.broken.length > 0) row.broken++;
}

interface Account {
  readonly minutes: number;
  readonly controls: { readonly runs: number; readonly lost: readonly number[] };
  readonly found: readonly Row[];
}

/** With `--only`, what the file says about the other kinds of process stays. */
function keptAccount(rows: readonly Row[]): Account | null {
  if (values.json === undefined || values.only === undefined || !existsSync(values.json)) {
    return null;
  }
  const { minutes, controls, found } = JSON.parse(readFileSync(values.json, "utf8")) as Account;
  const isRenewed = ({ host, runtime }: Row): boolean =>
    rows.some((row) => row.host === host && row.runtime === runtime);
  return { minutes, controls, found: found.filter((row) => !isRenewed(row)) };
}

function tell(
  rows: readonly Row[],
  examples: readonly string[],
  controls: { readonly runs: number; readonly lost: readonly number[] },
  traced: boolean,
  startedAt: number,
): void {
  console.table(rows);
  console.log(`controls with synchronous=NORMAL lost ${controls.lost.join(", ")} events`);
  for (const example of examples.slice(0, EXAMPLES)) console.log(example);
  const kept = keptAccount(rows);
  const all = [...kept?.found ?? [], ...rows];
  const sum = (of: (row: Row) => number): number => all.reduce((total, row) => total + of(row), 0);
  const totals = {
    points: sum(({ points }) => points),
    runs: sum(({ runs }) => runs),
    calls: sum(({ injected }) => injected),
    powerCuts: sum(({ powerCuts }) => powerCuts),
    promised: sum(({ promised }) => promised),
    lost: sum(({ lost }) => lost),
    broken: sum(({ broken }) => broken),
  };
  // Faults that never happened would prove nothing, nor would a blind judge.
  const isProof = !traced ||
    rows.every(({ injected }) => injected > 0) && controls.lost.every((lost) => lost > 0);
  const holds = totals.broken === 0 && totals.runs > 0 && isProof;
  const minutes = Math.round((performance.now() - startedAt) / 600 + (kept?.minutes ?? 0) * 100) /
    100;
  const account = {
    holds,
    seed,
    minutes,
    traced,
    ...totals,
    controls: kept !== null && controls.runs === 0 ? kept.controls : controls,
    ...(kept === null ? {} : { renewed: values.only }),
    found: all,
    examples: examples.slice(0, 5),
  };
  const line = JSON.stringify(account);
  if (values.json !== undefined) {
    mkdirSync(dirname(values.json), { recursive: true });
    keepAccount(values.json, account);
  }
  console.log(line);
  process.exitCode = holds ? 0 : 1;
}

await main();
