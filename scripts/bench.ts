/**
 * Measures what the library costs, on Deno and on Bun, one process after the
 * other, and shows each figure beside its goal.
 *
 *     bench.ts [--only NAME] [--runtime deno|bun] [--json FILE] [--strict]
 *
 * Names: record, context, sign, idle, ingest, delivery, backlog, loop, storm, bullmq,
 * record_python, doctor, bullmq_commands, start, drain. The last one compares both runtimes in one run. It and record_python
 * need the Python agent and the stock brain, which ./scripts/test installs:
 * `Z4J_BIN` names another program of it, `Z4J_AGENT_PYTHON` an interpreter with
 * z4j-bare if that is not beside it; without them they are skipped. `--json` adds one line for each measurement to a
 * file. The exit status is 1 when a measurement failed, and with `--strict` also
 * when a goal was missed. All but record, context, sign and start read /proc, so they need Linux.
 */
import { spawn } from "node:child_process";
import { appendFileSync, existsSync } from "node:fs";
import { availableParallelism, cpus, release, tmpdir, type as systemType } from "node:os";
import { resolve as resolvePath } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import type { Measurement, RuntimeName } from "./bench/measure.ts";
import { tableOf, verdict } from "./bench/table.ts";

const MEASURES = [
  "record",
  "context",
  "sign",
  "idle",
  "ingest",
  "delivery",
  "backlog",
  "loop",
  "storm",
  "bullmq",
  "record_python",
  "doctor",
  "bullmq_commands",
  "start",
] as const;
// One run of these has both runtimes in it.
const COMPARISONS = ["drain"] as const;
const RUNTIMES: readonly RuntimeName[] = ["deno", "bun"];
const FLAGS: Readonly<Record<RuntimeName, readonly string[]>> = {
  deno: ["run", "-A", "--no-check"],
  bun: [],
};
const DEADLINE_MS = 240_000;
const INSTALLED_BRAIN = ".venv/bin/z4j";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    runtime: { type: "string" },
    json: { type: "string" },
    strict: { type: "boolean", default: false },
  },
});

if (process.env["Z4J_BIN"] === undefined && existsSync(INSTALLED_BRAIN)) {
  process.env["Z4J_BIN"] = resolvePath(INSTALLED_BRAIN);
}

/** The given choice, or all; an unknown one ends the process. */
function choose<T extends string>(all: readonly T[], wanted: string | undefined): readonly T[] {
  const chosen = all.filter((name) => wanted === undefined || name === wanted);
  if (chosen.length > 0) return chosen;
  console.error(`bench: "${wanted}" is unknown, expected one of ${all.join(", ")}`);
  process.exit(1);
}

/** What a process prints, or `null` when it failed or took too long. */
function output(command: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    let text = "";
    child.stdout.on("data", (chunk) => text += String(chunk));
    const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
    const end = (result: string | null): void => {
      clearTimeout(timer);
      resolve(result);
    };
    child.on("error", (error) => {
      console.error(`bench: ${error.message}`);
      end(null);
    });
    child.on("close", (code) => end(code === 0 ? text : null));
  });
}

/** What a measurement prints when it lacks something. */
interface Skipped {
  readonly skipped: string;
}

/** Runs one measurement in a process of its own. */
async function measure(
  name: string,
  runtime: RuntimeName,
): Promise<Measurement | Skipped | null> {
  const args = [...FLAGS[runtime], `scripts/bench/${name}.ts`];
  const text = await output(`node_modules/.bin/${runtime}`, args);
  const line = text?.trim().split("\n").at(-1);
  return line === undefined || line === "" ? null : JSON.parse(line) as Measurement | Skipped;
}

const failed: string[] = [];
const missed: string[] = [];
let skipped = 0;

/** Runs and shows one measurement. */
async function run(name: string, runtime: RuntimeName): Promise<void> {
  const measured = await measure(name, runtime);
  if (measured === null) {
    failed.push(`${name} on ${runtime}`);
    return console.error(`\n${name} on ${runtime}: failed`);
  }
  if ("skipped" in measured) {
    skipped++;
    return console.log(`\n${name} on ${runtime}: skipped, ${measured.skipped}`);
  }
  console.log(tableOf(measured));
  if (values.json !== undefined) appendFileSync(values.json, `${JSON.stringify(measured)}\n`);
  for (const figure of measured.figures) {
    if (verdict(figure) === "missed") missed.push(`${name} on ${runtime}: ${figure.label}`);
  }
}

console.log(`${systemType()} ${release()}, ${availableParallelism()} cores, ${cpus()[0]?.model}`);
console.log(`files in ${tmpdir()}; goals are for the median`);
const chosen = choose([...MEASURES, ...COMPARISONS], values.only);
const runtimes = choose(RUNTIMES, values.runtime);
const isComparison = (name: string): boolean => (COMPARISONS as readonly string[]).includes(name);
for (const runtime of runtimes) {
  for (const name of chosen) if (!isComparison(name)) await run(name, runtime);
}
for (const name of chosen) if (isComparison(name)) await run(name, runtimes[0] ?? "deno");
console.log(`\n${failed.length} failed, ${missed.length} missed their goal, ${skipped} skipped`);
for (const name of missed) console.log(`  missed: ${name}`);
process.exitCode = failed.length > 0 || (values.strict && missed.length > 0) ? 1 : 0;
