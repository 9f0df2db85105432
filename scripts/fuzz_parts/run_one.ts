/** Tries the cases of one target; the process that a run of `scripts/fuzz` starts for each. */
import process from "node:process";
import { runTarget } from "../../tests/fuzz/target.ts";
import { FUZZ_TARGETS } from "../../tests/fuzz/targets/mod.ts";

const [name, cases, seed, from, maxMs] = process.argv.slice(2);
const target = FUZZ_TARGETS.find((one) => one.name === name);
if (target === undefined) throw new Error(`Cannot find the target ${name}`);
// A line now and then: whoever waits sees that nothing hangs, and where it did if it does.
const account = await runTarget(target, {
  cases: Number(cases),
  seed: Number(seed),
  from: Number(from),
  maxMs: Number(maxMs),
  progress: (done) => process.stdout.write(`at ${done}\n`),
});
process.stdout.write(`${JSON.stringify(account)}\n`, () => process.exit(0));
