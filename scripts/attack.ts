/**
 * Raw TCP and HTTP attackers against the embedded brain, on Bun and on Deno: see
 * `./scripts/attack`.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { keepAccount } from "./account_parts/json.ts";
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
  runs.reduce((total, { outcomes }) => total + outcomes[name], 0);
const account = {
  holds: runs.every(({ failures }) => failures.length === 0),
  seed,
  minutes: Math.round((performance.now() - startMs) / 600) / 100,
  cases: runs.reduce((total, one) => total + one.cases, 0),
  ...{ refused: sum("refused"), accepted: sum("accepted"), unanswered: sum("unanswered") },
  runs,
};
if (values.json !== undefined) keepAccount(values.json, account);
console.log(JSON.stringify(account));
process.exit(account.holds ? 0 : 1);
