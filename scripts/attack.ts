/**
 * Raw TCP and HTTP attackers against the embedded brain, on Bun and on Deno: see
 * `./scripts/attack`.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { minutesSince, sumOf, tellAccount } from "./account_parts/tell.ts";
import { run, type RunAccount } from "./attack_parts/run.ts";

const CASES = { test: 2_000, full: 20_000 };
// Deno's server ends no silent connection; see docs/account/not_promised.md.
const HELD = { bun: 12, deno: 0 } as const;

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    cases: { type: "string" },
    json: { type: "string" },
  },
});

const startMs = performance.now();
const seed = Number(values.seed);
const cases = Math.ceil(Number(values.cases ?? (values.full ? CASES.full : CASES.test)) / 2);
const runs: RunAccount[] = [];
// One after the other: the honest agent's times are the machine's as well.
for (const runtime of ["bun", "deno"] as const) {
  const done = await run({ runtime, seed, cases, held: values.full ? HELD[runtime] : 0 });
  const { honest, outcomes, sockets, failures } = done;
  console.log(`${runtime}: ${JSON.stringify({ cases, outcomes, honest, sockets })}`);
  for (const failure of failures) console.log(`${runtime}: ${failure}`);
  runs.push(done);
}
const sum = (name: "refused" | "accepted" | "unanswered"): number =>
  sumOf(runs, ({ outcomes }) => outcomes[name]);
const account = {
  holds: runs.every(({ failures }) => failures.length === 0),
  seed,
  minutes: minutesSince(startMs),
  cases: sumOf(runs, (one) => one.cases),
  ...{ refused: sum("refused"), accepted: sum("accepted"), unanswered: sum("unanswered") },
  runs,
};
tellAccount(account, values.json);
process.exit();
