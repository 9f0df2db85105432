/**
 * What an agent costs a BullMQ worker at concurrency 50, beside an equal worker
 * without one, in turn on the same Redis; how soon the end of a job is in the
 * brain's API; and how many connections the agent adds.
 */
import { join } from "node:path";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { type RedisServer, startRedis } from "../../tests/_support/redis.ts";
import { type BrainAccess, withBrain } from "./brain.ts";
import { withFolder } from "./folder.ts";
import { figure, type Goal, publish } from "./measure.ts";
import { type Peer, startPeer } from "./peer.ts";

const ROUNDS = 5;
const USUAL_JOBS = 3_000;
const EMPTY_JOBS = 10_000;
// A job that waits for a network, as most do.
const TAKES_MS = 25;
const LATENCY_JOBS = 100;
const LATENCY_MS = 400;
const LATENCY_ROUNDS = 3;
const RATIO: Goal = { is: "at least", value: 0.95 };

interface Ready {
  readonly mode: string;
}

interface Run {
  readonly ms: number;
  readonly cpuMs: number;
  readonly ends: readonly (readonly [string, number])[];
}

type Host = Peer<Ready>;

function startHost(args: readonly string[]): Promise<Host> {
  const isReady = (value: unknown): value is Ready =>
    (value as Partial<Ready> | null)?.mode === args[0];
  return startPeer("scripts/bench/bullmq_host.ts", args, isReady);
}

class Bench {
  readonly #connection: { readonly host: string; readonly port: number };
  #queues = 0;

  constructor(redis: RedisServer) {
    this.#connection = { host: "127.0.0.1", port: redis.port };
  }

  /** Name of the queue of the next run. */
  get queue(): string {
    return `bench-${this.#queues}`;
  }

  /** Fills a new queue and lets a host run it. */
  async run(host: Host, jobs: number, takesMs: number): Promise<Run> {
    const name = this.queue;
    this.#queues++;
    const queue = new Queue(name, { connection: this.#connection });
    for (let left = jobs; left > 0; left -= 1_000) {
      await queue.addBulk(Array.from({ length: Math.min(left, 1_000) }, (_, i) => ({
        name: "send_mail",
        data: { to: `customer-${i}`, subject: "hello", retry: false },
      })));
    }
    // What the agent does with the arrivals is not the worker's time.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await host.ask("idle");
    const run = await host.ask(`${name} ${jobs} ${takesMs}`) as Run;
    await host.ask("idle");
    await queue.obliterate({ force: true });
    await queue.close();
    return run;
  }
}

interface Ratio {
  readonly throughput: readonly number[];
  readonly bare: readonly number[];
  readonly extraCpuUs: readonly number[];
}

/** Both hosts in turn; a ratio is of two neighbours. */
async function compare(
  bench: Bench,
  hosts: { readonly bare: Host; readonly agent: Host },
  jobs: number,
  takesMs: number,
): Promise<Ratio> {
  const throughput: number[] = [];
  const bare: number[] = [];
  const extraCpuUs: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const order = round % 2 === 0 ? ["bare", "agent"] as const : ["agent", "bare"] as const;
    const runs: Partial<Record<"bare" | "agent", Run>> = {};
    for (const mode of order) runs[mode] = await bench.run(hosts[mode], jobs, takesMs);
    if (round === 0 || runs.bare === undefined || runs.agent === undefined) continue;
    throughput.push(runs.bare.ms / runs.agent.ms);
    bare.push(jobs / runs.bare.ms * 1_000);
    extraCpuUs.push((runs.agent.cpuMs - runs.bare.cpuMs) / jobs * 1_000);
  }
  return { throughput, bare, extraCpuUs };
}

/** Milliseconds from the end of each job to its success in the API of the brain. */
async function latencies(
  bench: Bench,
  host: Host,
  brain: Peer<BrainAccess>,
): Promise<readonly number[]> {
  const { baseUrl, project } = brain.ready;
  const headers = { authorization: `Bearer ${String(await brain.ask("token"))}` };
  const path = `${baseUrl}/api/v1/projects/${project}/tasks?state=success&limit=100`;
  const seen = new Map<string, number>();
  let watching = true;
  const watch = (async () => {
    while (watching) {
      const response = await fetch(path, { headers });
      const { items } = await response.json() as { items: { task_id: string }[] };
      const now = Date.now();
      for (const { task_id: id } of items) if (!seen.has(id)) seen.set(id, now);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  const before = bench.queue;
  const { ends } = await bench.run(host, LATENCY_JOBS, LATENCY_MS);
  await new Promise((resolve) => setTimeout(resolve, 500));
  watching = false;
  await watch;
  const found = ends.flatMap(([id, ended]) => {
    const at = seen.get(`${before}:${id}`);
    return at === undefined ? [] : [Math.max(0, at - ended)];
  });
  // The list shows the newest 100 only; nearly all must have been seen in time.
  if (found.length < ends.length * 0.9) {
    throw new Error(`${found.length} of ${ends.length} jobs were seen in the API`);
  }
  return found;
}

async function connections(redis: RedisServer): Promise<number> {
  const client = new Redis({ port: redis.port });
  const list = String(await client.client("LIST"));
  client.disconnect();
  return list.match(/name=z4j-/g)?.length ?? 0;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

async function measure(folder: string, brain: Peer<BrainAccess>): Promise<void> {
  const redis = await startRedis();
  const bench = new Bench(redis);
  const port = String(redis.port);
  const bare = await startHost(["bare", port]);
  const agent = await startHost([
    "agent",
    port,
    join(folder, "agent"),
    JSON.stringify(brain.ready),
  ]);
  try {
    const usual = await compare(bench, { bare, agent }, USUAL_JOBS, TAKES_MS);
    const empty = await compare(bench, { bare, agent }, EMPTY_JOBS, 0);
    const added = await connections(redis);
    const late: (readonly number[])[] = [];
    for (let i = 0; i < LATENCY_ROUNDS; i++) late.push(await latencies(bench, agent, brain));
    const all = (share: number): number[] => late.map((round) => percentile(round, share));
    publish("bullmq", [
      figure(`throughput, jobs of ${TAKES_MS} ms, agent over bare`, "", usual.throughput, RATIO),
      figure("throughput, empty jobs, agent over bare", "", empty.throughput, RATIO),
      figure(`bare, jobs of ${TAKES_MS} ms`, "jobs/s", usual.bare),
      figure("bare, empty jobs", "jobs/s", empty.bare),
      figure("CPU added per empty job", "µs", empty.extraCpuUs),
      figure("end of a job to the brain's API, p50", "ms", all(0.5), { is: "below", value: 50 }),
      figure("end of a job to the brain's API, p99", "ms", all(0.99), { is: "below", value: 250 }),
      figure("Redis connections added", "", [added], { is: "at most", value: 2 }),
    ], [
      `concurrency 50, ${USUAL_JOBS} and ${EMPTY_JOBS} jobs; a ratio is of two neighbouring runs`,
      "an empty job does nothing, so that all its time is BullMQ's own; its events are " +
      "received, started and succeeded",
      "brain and Redis run beside the worker, so cores that are short count against the agent",
      `latency over ${LATENCY_JOBS} jobs a round, asked for every 2 ms`,
    ]);
  } finally {
    await agent.end();
    await bare.end();
    await redis.stop();
  }
}

await withFolder((folder) => withBrain(folder, (brain) => measure(folder, brain)));
