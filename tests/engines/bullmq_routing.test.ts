import { deepStrictEqual as deepEqual, match, ok, strictEqual as equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { Queue } from "bullmq";
import {
  context,
  createHost,
  given,
  MAJORS,
  openCommandBed,
  resultOf,
} from "../_support/bullmq_commands.ts";
import { type Child, runScript } from "../_support/child.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

const CHILD = fileURLToPath(new URL("../_support/bullmq_worker_child.ts", import.meta.url));
let redis: RedisServer | undefined;
const children: Child[] = [];

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
  });
  after(async () => {
    for (const child of children) child.kill("SIGKILL");
    await redis?.stop();
  });
  describe("commands of one process on jobs and workers of others", declare);
}

async function startWorker(queue: string, name: string, scope: string): Promise<Child> {
  const child = runScript(CHILD, { args: [String(redis?.port), queue, name, scope] });
  children.push(child);
  await until(
    `start of ${name}: ${child.output()}`,
    () => child.output().includes("ready"),
    30_000,
  );
  return child;
}

function openWeb(name: string, scope: string) {
  const bullmq = MAJORS[0]?.[1];
  ok(bullmq !== undefined);
  return openCommandBed({ port: redis?.port ?? 0, bullmq, name, host: createHost(scope) });
}

function declare(): void {
  it("cancels a job, resizes, pauses and restarts a worker that runs elsewhere", async () => {
    await using web = await openWeb("routed", "one");
    const [first, second] = await Promise.all([
      startWorker("routed", "w-one", "one"),
      startWorker("routed", "w-two", "one"),
    ]);
    const stranger = await startWorker("routed", "w-foreign", "another-project");
    const jobs = await web.queue.addBulk([0, 1, 2].map((i) => ({
      name: `n${i}`,
      data: {},
      opts: { attempts: 3 },
    })));
    const begun = (child: Child) => /begin (\d+)/.exec(child.output())?.[1];
    await until("all begin", () => begun(first) && begun(second) && begun(stranger));
    const cancelled = await web.cancel(`routed:${begun(second)}`);
    deepEqual(resultOf(cancelled), {
      task_id: `routed:${begun(second)}`,
      engine: "bullmq",
      was: "active",
      worker: "w-two",
    });
    match(second.output(), new RegExp(`aborted ${begun(second)}`));
    equal(first.output().includes("aborted"), false);
    const job = jobs.find(({ id }) => id === begun(second));
    await until("failure", async () => await job?.isFailed());

    const { actions } = web.engine;
    const grown = await given(actions.poolGrow?.({ worker: "w-one", delta: 2 }, context()));
    equal(resultOf(grown)["concurrency"], 3);
    await until("the pool", () => first.output().includes("pool 3"));
    const other = { worker: "w-one", queue: "other" };
    const refused = await given(actions.addConsumer?.(other, context()));
    match(refused.status === "refused" ? refused.reason : "", /can take those of no other/);

    const foreign = await web.cancel(`routed:${begun(stranger)}`);
    match(foreign.status === "refused" ? foreign.reason : "", /without an agent of this project/);
    equal(stranger.output().includes("aborted"), false);

    const restarted = await given(actions.restartWorker?.("w-two", context()));
    equal(resultOf(restarted)["worker_name"], "w-two");
    equal(await second.ended(), 0);
    match(second.output(), /exit/);
  });

  it("leaves the last word to the policy of the process that has the worker", async () => {
    await using web = await openWeb("policy", "three");
    const child = await startWorker("policy", "w-shut", "three");
    const job = await web.queue.add("n", {});
    await until("start", () => child.output().includes("begin"));
    const grow = web.engine.actions.poolGrow?.({ worker: "w-shut", delta: 1 }, context());
    for (const outcome of [await web.cancel(web.id(job)), await given(grow)]) {
      match(outcome.status === "refused" ? outcome.reason : "", /this process forbids it/);
    }
    equal(child.output().includes("aborted"), false);
  });

  it("gives up cleanly when the process that has the job is frozen, and cancels nothing later", async () => {
    await using web = await openWeb("frozen", "two");
    const child = await startWorker("frozen", "w-ice", "two");
    const job = await web.queue.add("n", {});
    await until("start", () => child.output().includes("begin"));
    process.kill(child.pid, "SIGSTOP");
    const outcome = await given(web.engine.actions.cancel?.(web.id(job), context(3_000)));
    equal(outcome.status, "failed", JSON.stringify(outcome));
    process.kill(child.pid, "SIGCONT");
    const lines = child.output().split("pool").length;
    await until("two more signs of life", () => child.output().split("pool").length > lines + 3);
    equal(child.output().includes("aborted"), false);
  });

  it("leaves no key without an end behind", async () => {
    const probe = new Queue("probe", { connection: { host: "127.0.0.1", port: redis?.port ?? 0 } });
    const client = await probe.getBackend().client as unknown as {
      keys(pattern: string): Promise<string[]>;
      pttl(key: string): Promise<number>;
    };
    const keys = (await client.keys("z4j:*")).filter((key) => /:(peers|inbox|reply):/.test(key));
    for (const key of keys) ok(await client.pttl(key) > 0, key);
    await probe.close();
  });
}
