/**
 * The Nth call fails, for an agent and for the embedded brain, on Deno and on
 * Bun: see `./scripts/nth_call`.
 */
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { minutesSince, sumOf, tellAccount } from "./account_parts/tell.ts";
import { createRandom } from "./chaos_parts/random.ts";
import {
  addVerdict,
  type Cell,
  type Controls,
  emptyCell,
  keptBeside,
  totalsOf,
} from "./nth_call_parts/cells.ts";
import {
  describe,
  everyFault,
  type Fault,
  type Host,
  type Runtime,
  sample,
} from "./nth_call_parts/fault.ts";
import { Trials } from "./nth_call_parts/trials.ts";

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

function mayTrace(): boolean {
  try {
    execFileSync("strace", ["-f", "--seccomp-bpf", "-o", "/dev/null", "true"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

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
  const startMs = performance.now();
  const trials = await Trials.open(traced);
  // The driver of Deno KV cannot be reached.
  const kinds = CELLS.filter(({ host, runtime }) => pickOf(host, runtime))
    .filter(({ host }) => traced || host !== "kv");
  const { cells, queue } = await planOf(trials, kinds);
  const examples = await runAll(trials, cells, queue);
  // The syncs of Deno KV cannot be weakened from here.
  const weak = traced ? kinds.filter(({ host }) => host !== "kv") : [];
  const lost: number[] = [];
  for (const { host, runtime } of weak) lost.push(await trials.control(host, runtime));
  await trials.close();
  tell({ cells, examples, controls: { runs: lost.length, lost }, traced, startMs });
}

/** A cell for each kind of process, and the faults to try in it. */
async function planOf(
  trials: Trials,
  kinds: readonly { readonly host: Host; readonly runtime: Runtime }[],
): Promise<{ readonly cells: readonly Cell[]; readonly queue: Fault[] }> {
  const random = createRandom(seed);
  const cells: Cell[] = [];
  const queue: Fault[] = [];
  for (const { host, runtime } of kinds) {
    const counts = await trials.points(host, runtime);
    const faults = everyFault(host, runtime, counts).filter(isWanted);
    const share = values.full
      ? faults.length
      : Math.ceil(Number(values.runs ?? RUNS) / kinds.length);
    queue.push(...sample(faults, share, random.fork(`${host} ${runtime}`)));
    cells.push(emptyCell(host, runtime, counts));
  }
  return { cells, queue };
}

/** Tries every fault; answers what went wrong, in words. */
async function runAll(
  trials: Trials,
  cells: readonly Cell[],
  queue: Fault[],
): Promise<readonly string[]> {
  const examples: string[] = [];
  const work = async (): Promise<void> => {
    for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
      const { verdict } = await trials.run(fault.host, fault.runtime, fault);
      addVerdict(cells, fault, verdict);
      if (verdict.broken.length === 0) continue;
      examples.push(`${describe(fault)}: ${verdict.broken.slice(0, 3).join("; ")}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return examples;
}

interface Done {
  readonly cells: readonly Cell[];
  readonly examples: readonly string[];
  readonly controls: Controls;
  readonly traced: boolean;
  readonly startMs: number;
}

function tell({ cells, examples, controls, traced, startMs }: Done): void {
  console.table(cells);
  console.log(`controls with synchronous=NORMAL lost ${controls.lost.join(", ")} events`);
  for (const example of examples.slice(0, EXAMPLES)) console.log(example);
  // With `--only`, what the file says about the other kinds of process stays.
  const kept = values.only === undefined ? null : keptBeside(cells, values.json);
  const found = [...kept?.found ?? [], ...cells];
  const totals = totalsOf(found);
  // Faults that never happened would prove nothing, nor would a blind judge.
  const isProof = !traced ||
    cells.every(({ injected }) => injected > 0) && controls.lost.every((lost) => lost > 0);
  const account = {
    holds: totals.broken === 0 && sumOf(cells, ({ runs }) => runs) > 0 && isProof,
    seed,
    minutes: Math.round((minutesSince(startMs) + (kept?.minutes ?? 0)) * 100) / 100,
    traced,
    ...totals,
    controls: kept !== null && controls.runs === 0 ? kept.controls : controls,
    ...(kept === null ? {} : { renewed: values.only }),
    found,
    examples: examples.slice(0, 5),
  };
  tellAccount(account, values.json);
}

await main();
