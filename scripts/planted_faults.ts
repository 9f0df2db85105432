/**
 * Tests that bite: see `./scripts/planted_faults`. Each fault of the lists below
 * `planted_faults_parts` is planted in a copy of the tree, and its test has to fail.
 */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { minutesSince, tellAccount } from "./account_parts/tell.ts";
import { createRandom } from "./chaos_parts/random.ts";
import { FAULTS } from "./planted_faults_parts/all.ts";
import type { PlacedFault } from "./planted_faults_parts/fault.ts";
import { type TestEnd, TreeCopy } from "./planted_faults_parts/trial.ts";

const SAMPLE = 10;
const CONTRACT = "src/testing/buffer_contract.ts";

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
    seed: { type: "string", default: "1" },
    json: { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});

/** What is wrong with the list itself. */
function complaints(): string[] {
  const ids = new Set<string>();
  return FAULTS.flatMap((fault) => {
    const { id, file, find, replace, test, name } = fault;
    if (ids.has(id)) return [`${id}: the name is taken twice`];
    ids.add(id);
    const found = existsSync(file) ? readFileSync(file, "utf8").split(find).length - 1 : 0;
    const path = `tests/${test}.test.ts`;
    // The cases of a contract are part of the library.
    const places = test.startsWith("contract/") ? [path, CONTRACT] : [path];
    const tests = places.map((one) => existsSync(one) ? readFileSync(one, "utf8") : "").join("");
    return [
      ...(found === 1 ? [] : [`${id}: its text is ${found} times in ${file}, expected once`]),
      ...(find === replace || find.includes("\n") ? [`${id}: expected a change of one line`] : []),
      ...(tests.includes(name) ? [] : [`${id}: no test "${name}" in ${path}`]),
    ];
  });
}

function chosen(): readonly PlacedFault[] {
  if (values.check) return [];
  if (values.only !== undefined) return FAULTS.filter(({ id }) => values.only?.includes(id));
  if (values.full) return FAULTS;
  const random = createRandom(Number(values.seed));
  const rest = FAULTS.filter(({ slow }) => slow !== true);
  return Array.from(
    { length: Math.min(SAMPLE, rest.length) },
    () => rest.splice(random.int(0, rest.length - 1), 1),
  ).flat();
}

interface Trial {
  readonly fault: PlacedFault;
  readonly sound: TestEnd;
  readonly broken: TestEnd | null;
}

/** The test passes on the sound copy and fails on the broken one. */
async function trial(copy: TreeCopy, fault: PlacedFault): Promise<Trial> {
  const sound = await copy.sound(fault);
  return { fault, sound, broken: sound.outcome === "passed" ? await copy.broken(fault) : null };
}

const isCaught = ({ broken }: Trial): boolean => broken?.outcome === "failed";

function tell({ fault, sound, broken }: Trial, caught: boolean): void {
  const what = broken === null
    ? `the sound test ${sound.outcome}`
    : caught
    ? `caught in ${broken.seconds} s`
    : `NOT CAUGHT (${broken.outcome})`;
  console.log(`  ${fault.area.padEnd(10)} ${fault.id.padEnd(32)} ${what}`);
  if (!caught && values.verbose) console.log((broken ?? sound).output.slice(-4000));
}

async function work(queue: PlacedFault[], trials: Trial[]): Promise<void> {
  const copy = new TreeCopy();
  try {
    for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
      const one = await trial(copy, fault);
      trials.push(one);
      tell(one, isCaught(one));
    }
  } finally {
    copy.remove();
  }
}

const problems = complaints();
for (const problem of problems) console.error(problem);
const faults = chosen();
const queue = [...faults];
const trials: Trial[] = [];
const startedMs = performance.now();
const workers = Math.min(queue.length, availableParallelism());
await Promise.all(Array.from({ length: workers }, () => work(queue, trials)));
const caught = trials.filter(isCaught);
const holds = problems.length === 0 && caught.length === faults.length;
const byArea = [...new Set(FAULTS.map(({ area }) => area))].map((area) => {
  const ours = (all: readonly Trial[]): number =>
    all.filter(({ fault }) => fault.area === area).length;
  return { area, faults: ours(trials), caught: ours(caught) };
});
const report = {
  holds,
  seed: Number(values.seed),
  minutes: minutesSince(startedMs),
  listed: FAULTS.length,
  faults: faults.length,
  caught: caught.length,
  uncaught: faults.length - caught.length,
  slowestSeconds: Math.max(0, ...trials.map(({ broken }) => broken?.seconds ?? 0)),
};
const planted = faults.flatMap((fault) => trials.filter((one) => one.fault === fault)).map((
  one,
) => ({
  fault: one.fault.id,
  area: one.fault.area,
  broken: one.fault.why,
  caughtBy: `tests/${one.fault.test}.test.ts: ${one.fault.name}`,
  caught: isCaught(one),
  seconds: one.broken?.seconds ?? null,
}));
tellAccount(report, values.json, { areas: byArea, planted });
