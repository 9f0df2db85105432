/**
 * Records events at a rate until SIGTERM: `agent_child.ts RATE`. Prints a
 * sample each second, and at the end what its agent did. With
 * `Z4J_SOAK_PLANT=leak` it leaks, which the soak must notice.
 */
import { once } from "node:events";
import { connect } from "node:net";
import process from "node:process";
import { startAgent } from "../../mod.ts";
import { countTimers, printSamples } from "./sampler.ts";

const TICK_MS = 50;
const PHASES = ["task.received", "task.started", "task.succeeded"] as const;

const { Z4J_SOAK_PLANT: PLANT, Z4J_BRAIN_URL: BRAIN_URL = "" } = process.env;
const rate = Number(process.argv[2] ?? "100");
const timers = countTimers();
const agent = await startAgent({ strictMode: true, skip: false });
const startedAt = performance.now();
let recorded = 0;

function record(): void {
  // From the clock, so that a late tick catches up.
  const due = Math.floor((performance.now() - startedAt) * rate / 1000);
  for (; recorded < due; recorded++) {
    agent.record("soak", {
      kind: PHASES[recorded % PHASES.length] ?? "task.sent",
      taskId: `soak-${Math.floor(recorded / PHASES.length)}`,
      occurredAtMs: Date.now(),
      data: { taskName: "soak.work", queue: "default", worker: "soak", kwargs: { recorded } },
    });
  }
}

const leaked: unknown[] = [];
function leak(): void {
  // Heap, not one string: 30 000 objects are some 2 MiB.
  leaked.push(Array.from({ length: 30_000 }, (_, n) => ({ n })));
  leaked.push(setTimeout(() => {}, 1e9), connect(Number(new URL(BRAIN_URL).port), "127.0.0.1"));
}
const leaking = PLANT === "leak" ? setInterval(leak, 1000) : undefined;
const ticking = setInterval(record, TICK_MS);
const stopSamples = printSamples(timers, () => recorded);
await once(process, "SIGTERM");
clearInterval(leaking);
clearInterval(ticking);
stopSamples();
const { remaining } = await agent.flush({ timeoutMs: 30_000 });
const { lost } = agent.status();
await agent.stop();
process.stdout.write(`${JSON.stringify({ end: { recorded, remaining, lost } })}\n`);
process.exit(0);
