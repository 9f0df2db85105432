/**
 * The honest agent: records 50 events/s until SIGTERM, then prints of each when it was
 * recorded and after how many milliseconds it was acknowledged.
 */
import { once } from "node:events";
import process from "node:process";
import { startAgent } from "../../mod.ts";

const EVERY_MS = 20;
const LOOK_MS = 4;

const agent = await startAgent({ strictMode: true, skip: false });
const waiting: { readonly atMs: number; readonly startMs: number }[] = [];
const took: [atMs: number, tookMs: number][] = [];
let [recorded, seen] = [0, 0];

function look(): void {
  const { acked } = agent.status().events;
  for (; seen < acked; seen++) {
    const event = waiting.shift();
    if (event === undefined) continue;
    took.push([event.atMs, Math.round(performance.now() - event.startMs)]);
  }
}

function record(): void {
  waiting.push({ atMs: Date.now(), startMs: performance.now() });
  agent.record("manual", {
    kind: "task.received",
    taskId: `honest-${recorded++}`,
    occurredAtMs: Date.now(),
    data: { taskName: "honest.work", queue: "default" },
  });
}

process.stdout.write(`{"up":true}\n`);
const recording = setInterval(record, EVERY_MS);
const looking = setInterval(look, LOOK_MS);
await once(process, "SIGTERM");
clearInterval(recording);
await agent.flush({ timeoutMs: 30_000 });
look();
clearInterval(looking);
const { acked } = agent.status().events;
await agent.stop();
process.stdout.write(`${JSON.stringify({ recorded, acked, took })}\n`);
process.exit(0);
