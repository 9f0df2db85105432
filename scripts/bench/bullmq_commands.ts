/**
 * What commands on many jobs of BullMQ take, as an agent carries them out: the
 * whole handler, its answer included, against a Redis on loopback.
 */
import { Queue, Worker } from "bullmq";
import { registerEngineCommands } from "../../src/agent/engine_commands.ts";
import { createCommandRegistry } from "../../src/agent/commands.ts";
import { wireResult } from "../../src/agent/command_result.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { computePurgeToken } from "../../src/protocol/purge_token.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { startRedis } from "../../tests/_support/redis.ts";
import { figure, publish } from "./measure.ts";

const ROUNDS = 5;
const RETRIED = 1_000;
const PURGED = 10_000;
const GOAL = { is: "below", value: 1_000 } as const;
const secret = new Uint8Array(32).fill(7);

const redis = await startRedis();
const connection = { host: "127.0.0.1", port: redis.port, maxRetriesPerRequest: null };
const queue = new Queue("bench", { connection });
const engine = bullmqEngine({ queues: [queue] });

await engine.attach({ event() {}, lost() {}, notice() {} });
const registry = createCommandRegistry();
const redactor = createRedactor({});
registerEngineCommands(registry, {
  engines: new Map([["bullmq", engine]]),
  clock: systemClock,
  purges: { secret, threshold: PURGED },
  redactor,
});

/** Carries a command out; answers how long it took. */
async function run(action: string, parameters: JsonObject): Promise<number> {
  const begun = performance.now();
  const outcome = await registry.find(action)?.(
    { id: "bench", action, target: {}, parameters, timeoutMs: 60_000, claimToken: null },
    { signal: new AbortController().signal, remainingMs: 60_000 },
  );
  const took = performance.now() - begun;
  const answer = outcome && wireResult(outcome, redactor);
  if (answer?.status !== "success") throw new Error(`${action}: ${JSON.stringify(answer)}`);
  return took;
}

const jobs = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: "job", data: { i, text: "x".repeat(200) } }));

async function failAll(count: number): Promise<readonly string[]> {
  const added = await queue.addBulk(jobs(count));
  const worker = new Worker("bench", () => {
    throw new Error("broken");
  }, { connection, concurrency: 100 });
  while (await queue.getFailedCount() < count) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await worker.close();
  return added.map(({ id }) => `bench:${id}`);
}

const [retries, purges, lists]: [number[], number[], number[]] = [[], [], []];
try {
  for (let round = 0; round < ROUNDS; round++) {
    const ids = [...await failAll(RETRIED)];
    lists.push(await run("dlq.list", { engine: "bullmq", queue: "bench", limit: 200 }));
    const filter = { engine: "bullmq", task_ids: ids };
    retries.push(await run("bulk_retry", { filter, max: RETRIED }));
    if (await queue.getWaitingCount() !== RETRIED) throw new Error("not all were retried");
    await queue.obliterate({ force: true });
    await queue.addBulk(jobs(PURGED));
    await new Promise((resolve) => setTimeout(resolve, 10));
    const confirm_token = await computePurgeToken(secret, "bench", PURGED);
    purges.push(await run("purge_queue", { queue: "bench", confirm_token, force: false }));
    if (await queue.getWaitingCount() !== 0) throw new Error("not all were purged");
  }
} finally {
  await engine.detach();
  await queue.close();
  await redis.stop();
}

publish("bullmq_commands", [
  figure("bulk retry of 1 000 ids", "ms", retries, GOAL),
  figure("purge of 10 000 jobs", "ms", purges, GOAL),
  figure("page of 200 dead letters", "ms", lists),
], [
  "the whole handler of the agent with its answer, Redis on loopback; 200 bytes of input for each job",
  "the purge reports a revoked event for each job, as it does for a brain",
]);
