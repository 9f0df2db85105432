/**
 * Crash states of the agent's buffer, of the brain's file and of Deno KV: see
 * `./scripts/crash_states`. A writer that syncs too little is explored beside
 * each real one; if it lost nothing, the search would be blind.
 */
import { execFile, execFileSync } from "node:child_process";
import { parseArgs, promisify } from "node:util";
import { minutesSince, sumOf, tellAccount } from "./account_parts/tell.ts";
import type { RuntimeName } from "./bench/measure.ts";
import { runtimeCommand } from "./bench/peer.ts";
import type { Exploration, Found } from "./crash_states_parts/explore.ts";
import type { Tracing } from "./crash_states_parts/marks.ts";

const SCRIPT = "scripts/crash_states_parts/explore.ts";

/** One writer: its share of all states, and of its control how many. */
type Share = Pick<Exploration, "subject"> & { readonly share: number; readonly control: number };

const CONTROL_STATES = 400;
// What follows from a trace without a sync costs more with every step.
const KV_CONTROL_STATES = 100;
// A promise before its write is missed by nearly every state.
const PREFIX_CONTROL_STATES = 40;

const SHARES: Readonly<Record<RuntimeName, readonly Share[]>> = {
  bun: [
    { subject: "buffer", share: 0.28, control: CONTROL_STATES },
    { subject: "brain", share: 0.23, control: CONTROL_STATES },
  ],
  deno: [
    { subject: "buffer", share: 0.21, control: CONTROL_STATES },
    { subject: "brain", share: 0.18, control: CONTROL_STATES },
    { subject: "kv", share: 0.1, control: KV_CONTROL_STATES },
  ],
};

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    json: { type: "string" },
    "no-trace": { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    states: { type: "string" },
  },
});

async function explore(runtime: RuntimeName, task: Exploration): Promise<Found> {
  const [command, ...flags] = runtimeCommand(runtime);
  const { stdout } = await promisify(execFile)(
    command,
    [...flags, SCRIPT, JSON.stringify(task)],
    { maxBuffer: 1 << 24 },
  );
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Found;
}

/** One runtime's writers and their controls, one after the other. */
async function exploreAll(
  runtime: RuntimeName,
  tracing: Tracing,
  states: number,
): Promise<Found[]> {
  const seed = Number(values.seed);
  const found: Found[] = [];
  for (const { subject, share, control } of SHARES[runtime]) {
    if (subject === "kv" && tracing === "prefixes") continue;
    const task = { subject, tracing, seed };
    const few = tracing === "prefixes" ? PREFIX_CONTROL_STATES : control;
    const weaker = subject === "kv" ? "none" : "NORMAL";
    found.push(
      ...await Promise.all([
        explore(runtime, { ...task, synchronous: "FULL", states: Math.round(states * share) }),
        explore(runtime, { ...task, synchronous: weaker, states: few }),
      ]),
    );
  }
  return found;
}

const judged = ({ crashes, powerLosses }: Found): number => crashes + powerLosses;

/** A control without a loss and a real run with one are both failures. */
function isWell(found: Found): boolean {
  const { synchronous, tracing, broken, lost, states, cutsThereAre } = found;
  const most = tracing === "strace" ? states : Math.min(states, cutsThereAre);
  if (judged(found) < most) return false;
  if (synchronous !== "FULL") return lost > 0;
  const synced = tracing === "prefixes" || found.promisesSynced === found.promises;
  return broken === 0 && lost === 0 && found.promises > 0 && synced;
}

function row(found: Found): Record<string, unknown> {
  const { runtime, subject, synchronous, syncs, promises, promisesSynced } = found;
  const { crashes, powerLosses, recoveredTwice, broken, lost, seconds } = found;
  return {
    runtime,
    subject,
    synchronous,
    syncs,
    "promises synced": found.tracing === "strace" ? `${promisesSynced} of ${promises}` : "unknown",
    crashes,
    "power losses": powerLosses,
    "recovered twice": recoveredTwice,
    "states broken": broken,
    lost,
    seconds,
  };
}

function howToTrace(): Tracing {
  if (values["no-trace"]) return "prefixes";
  try {
    execFileSync("strace", ["-f", "-o", "/dev/null", "true"], { stdio: "pipe" });
    return "strace";
  } catch {
    return "prefixes";
  }
}

async function main(): Promise<void> {
  const startedAt = performance.now();
  const tracing = howToTrace();
  if (tracing === "prefixes") {
    console.log(
      "z4j: No process is traced here: only prefixes of the write-ahead log are judged, as a " +
        "killed process leaves them; losses of power and Deno KV are left out",
    );
  }
  const states = Number(values.states ?? (values.full ? 100_000 : 10_000));
  const found = (await Promise.all([
    exploreAll("bun", tracing, states),
    exploreAll("deno", tracing, states),
  ])).flat();
  console.table(found.map(row));
  const real = found.filter(({ synchronous }) => synchronous === "FULL");
  for (const { runtime, subject, examples } of real) {
    for (const example of examples) console.log(`${runtime}, ${subject}: ${example}`);
  }
  const sum = (count: (one: Found) => number): number => sumOf(real, count);
  const account = {
    holds: found.every(isWell),
    seed: Number(values.seed),
    states: sum(judged),
    crashes: sum(({ crashes }) => crashes),
    powerLosses: sum(({ powerLosses }) => powerLosses),
    recoveredTwice: sum(({ recoveredTwice }) => recoveredTwice),
    promises: sum(({ promises }) => promises),
    promisesSynced: sum(({ promisesSynced }) => promisesSynced),
    broken: sum(({ broken }) => broken),
    lost: sum(({ lost }) => lost),
    lostByControls: sumOf(found, ({ lost }) => lost) - sum(({ lost }) => lost),
    minutes: minutesSince(startedAt),
    tracing,
    found,
  };
  tellAccount(account, values.json);
}

await main();
