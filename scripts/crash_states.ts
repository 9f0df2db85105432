/**
 * Crash states of the agent's buffer, on Deno and on Bun: see `./scripts/crash_states`.
 * A writer with `synchronous=NORMAL` is explored beside the real one; if it lost
 * nothing, the search would be blind.
 */
import { execFile, execFileSync } from "node:child_process";
import process from "node:process";
import { parseArgs, promisify } from "node:util";
import type { Exploration, Found } from "./crash_states_parts/explore.ts";

const SCRIPT = "scripts/crash_states_parts/explore.ts";
const COMMANDS = {
  bun: ["node_modules/.bin/bun"],
  deno: ["node_modules/.bin/deno", "run", "-A", "--no-check"],
} as const;
const CONTROL_STATES = 400;

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    states: { type: "string" },
  },
});

async function explore(runtime: keyof typeof COMMANDS, task: Exploration): Promise<Found> {
  const [command, ...flags] = COMMANDS[runtime];
  const { stdout } = await promisify(execFile)(
    command,
    [...flags, SCRIPT, JSON.stringify(task)],
    { maxBuffer: 1 << 24 },
  );
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Found;
}

/** A control without a loss and a real run with one are both failures. */
function isWell({ synchronous, broken, lost, crashes, powerLosses, states }: Found): boolean {
  if (crashes + powerLosses < states) return false;
  return synchronous === "NORMAL" ? lost > 0 : broken === 0 && lost === 0;
}

function row(found: Found): Record<string, unknown> {
  const { runtime, synchronous, steps, syncs, crashes, powerLosses } = found;
  const { recoveredTwice, broken, lost, seconds } = found;
  return {
    runtime,
    synchronous,
    steps,
    syncs,
    crashes,
    "power losses": powerLosses,
    "recovered twice": recoveredTwice,
    "states broken": broken,
    "events lost": lost,
    seconds,
  };
}

function mayTrace(): boolean {
  try {
    execFileSync("strace", ["-o", "/dev/null", "true"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

async function main(): Promise<void> {
  if (!mayTrace()) {
    console.error("z4j: Cannot trace a process here, expected strace with permission to trace");
    process.exitCode = 1;
    return;
  }
  const states = Number(values.states ?? (values.full ? 100_000 : 10_000));
  const seed = Number(values.seed);
  const each = Math.ceil(states / 2);
  const found = (await Promise.all((["bun", "deno"] as const).map(async (runtime) => [
    await explore(runtime, { synchronous: "FULL", states: each, seed }),
    await explore(runtime, { synchronous: "NORMAL", states: CONTROL_STATES, seed }),
  ]))).flat();
  console.table(found.map(row));
  for (const one of found) {
    if (one.synchronous === "NORMAL") continue;
    for (const example of one.examples) console.log(`${one.runtime}: ${example}`);
  }
  const holds = found.every(isWell);
  console.log(JSON.stringify({ holds, seed, states: each * 2, found }));
  process.exitCode = holds ? 0 : 1;
}

await main();
