/**
 * The kill account: agents and a brain are killed again and again, and every
 * event is accounted for by id and digest. See `--help`.
 */
import process from "node:process";
import { keepAccount } from "./account_parts/json.ts";
import { engineFacts, engineTable } from "./chaos_parts/engine/report.ts";
import { runEngineChaos } from "./chaos_parts/engine/run.ts";
import { type ChaosOptions, HELP, parseOptions } from "./chaos_parts/options.ts";
import { PLANTS } from "./chaos_parts/plants.ts";
import { facts, table } from "./chaos_parts/report.ts";
import { type ChaosReport, runChaos } from "./chaos_parts/run.ts";

const PROGRESS_EVERY = 50;
const interrupted = new AbortController();

/** Prints the account as the last line, and keeps it where it was asked for. */
function tell(account: object): void {
  console.log(JSON.stringify(account));
  if (kept !== undefined) keepAccount(kept, account);
}

async function once(options: ChaosOptions): Promise<ChaosReport> {
  const report = await runChaos(options, {
    signal: interrupted.signal,
    told(kills) {
      if (kills % PROGRESS_EVERY === 0) console.error(`${kills} of ${options.kills} kills`);
    },
  });
  console.log(table(report));
  tell(facts(report));
  return report;
}

/** Plants every fault; an account that does not notice one is worth nothing. */
async function prove(options: ChaosOptions): Promise<boolean> {
  const unnoticed: string[] = [];
  for (const plant of PLANTS) {
    const { account, holds } = await once({ ...options, plant });
    const found = Object.values(account.broken).some((ids) => ids.length > 0);
    if (holds || !found) unnoticed.push(plant);
  }
  tell({ holds: unnoticed.length === 0, planted: PLANTS.length, unnoticed });
  return unnoticed.length === 0;
}

/** Agents and workers of BullMQ, with Redis in trouble. */
async function engine(jobs: number, { seed, keep }: ChaosOptions): Promise<boolean> {
  const report = await runEngineChaos({
    ...{ seed, jobs, keep },
    runtimes: ["bun", "deno"],
    redisRestarts: 2,
    freezeMs: 8_000,
  });
  console.log(engineTable(report));
  tell(engineFacts(report));
  return report.holds;
}

const call = parseOptions(process.argv.slice(2));
if (typeof call === "string") {
  console.error(`${call}\nTry --help`);
  process.exit(2);
}
if (call.help) {
  console.log(HELP);
  process.exit(0);
}
const kept = call.json;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => interrupted.abort());
}
try {
  const isWell = call.engine !== undefined
    ? await engine(call.engine.jobs, call.options)
    : call.prove
    ? await prove(call.options)
    : (await once(call.options)).holds;
  process.exit(isWell ? 0 : 1);
} catch (error) {
  console.error(`z4j: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
