/**
 * A process that makes events and watches its event loop: `loop_host.ts bare`
 * throws them away, `loop_host.ts agent <home> <access as JSON>` records them.
 * The word `window` watches for two seconds.
 */
import process from "node:process";
import type { ManagedAgent } from "../../src/install/managed_agent.ts";
import { benchAgent } from "./bench_agent.ts";
import type { BrainAccess } from "./brain.ts";
import { plainJobs } from "./job_mix.ts";
import { serveWords } from "./peer.ts";

const PER_SECOND = 1000;
const TICK_MS = 1;
const WINDOW_MS = 2000;

const [mode = "bare", home = "", access = "{}"] = process.argv.slice(2);

async function connectedAgent(): Promise<ManagedAgent> {
  const agent = benchAgent(JSON.parse(access) as BrainAccess, home);
  await agent.start();
  await agent.ready();
  return agent;
}

const agent = mode === "agent" ? await connectedAgent() : undefined;
const beganAt = performance.now();
let made = 0;

/** Makes the events that are due, a few at a time as jobs end. */
function produce(): void {
  const due = (performance.now() - beganAt) * PER_SECOND / 1000;
  while (made < due) {
    for (const event of plainJobs(1)) {
      agent?.record("bullmq", event);
      made++;
    }
  }
}

/** How late each tick of a timer came, in milliseconds. */
function watch(): Promise<readonly number[]> {
  return new Promise((resolve) => {
    const late: number[] = [];
    const endAt = performance.now() + WINDOW_MS;
    let dueAt = performance.now() + TICK_MS;
    const tick = (): void => {
      const now = performance.now();
      late.push(Math.max(0, now - dueAt));
      if (now >= endAt) return resolve(late);
      dueAt = now + TICK_MS;
      setTimeout(tick, TICK_MS);
    };
    setTimeout(tick, TICK_MS);
  });
}

/** Ticks that a stall swallowed would have come ever less late: they count too. */
function withSwallowed(late: readonly number[]): readonly number[] {
  const all: number[] = [];
  for (const delay of late) {
    for (let rest = delay; rest > 0; rest -= TICK_MS) all.push(rest);
  }
  return all;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

const producer = setInterval(produce, 5);
await serveWords({ mode }, async () => {
  const late = await watch();
  const status = agent?.status();
  return {
    ticks: late.length,
    timerP99: percentile(late, 0.99),
    arrivalP99: percentile(withSwallowed(late), 0.99),
    longest: Math.max(...late),
    recorded: status?.events.recorded ?? 0,
    acked: status?.events.acked ?? 0,
  };
});
clearInterval(producer);
await agent?.stop();
process.exit();
