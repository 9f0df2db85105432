/** Every command of the stock brain's REST, asked of one token of a fleet. */
import assert from "node:assert/strict";
import { type Fleet, type Json, untilBrain } from "./fleet.ts";
import type { StockAgent } from "./stock_brain.ts";
import { createStockSchedule } from "./stock_schedules.ts";
import { until } from "./wait.ts";

const FAR_MS = 3_600_000;
const WAIT_MS = 60_000;

/** All of the following. */
export async function everyCommand(
  fleet: Fleet,
  agent: StockAgent,
  schedule: OwnedSchedule,
): Promise<void> {
  await commandJobs(fleet, agent);
  await commandDeadLetters(fleet, agent);
  await commandSubmission(fleet, agent);
  await commandWorkers(fleet, agent);
  await commandSchedule(fleet, agent, schedule);
  const queue = fleet.queue(agent);
  const purged = await queue.add("send", { n: 6 }, { delay: FAR_MS });
  await fleet.done(agent, "purge-queue", { queue: queue.name, force: true });
  assert.equal(await queue.getJob(purged.id ?? "") === undefined, true);
}

/** Retry, bulk retry, cancel and rate limit. */
async function commandJobs(fleet: Fleet, agent: StockAgent): Promise<void> {
  const queue = fleet.queue(agent);
  const [first, second] = await Promise.all([failed(fleet, agent, 2), failed(fleet, agent, 4)]);
  await fleet.done(agent, "retry-task", {
    engine: "bullmq",
    task_id: first,
    override_args: [],
    override_kwargs: { n: 3 },
  });
  await completed(fleet, agent, first);
  const bulk = await fleet.done(agent, "bulk-retry", {
    filter: { engine: "bullmq", task_ids: [second] },
    max: 10,
  });
  assert.equal(bulk["failed"], 0);
  const late = await queue.add("send", { n: 5 }, { delay: FAR_MS });
  await fleet.done(agent, "cancel-task", { engine: "bullmq", task_id: `${queue.name}:${late.id}` });
  await fleet.done(agent, "rate-limit", { task_name: queue.name, rate: "100/s" });
}

/** Dead letters, their requeue, and a bulk retry as a request. */
async function commandDeadLetters(fleet: Fleet, agent: StockAgent): Promise<void> {
  const [letter, other] = await Promise.all([failed(fleet, agent, 10), failed(fleet, agent, 11)]);
  const page = await fleet.brain.get<{ readonly entries: readonly Json[] }>(
    `dead-letters?engine=bullmq&queue=${agent.name}&limit=10`,
    fleet.address(),
  );
  assert.ok(page.entries.some((entry) => entry["task_id"] === letter), JSON.stringify(page));
  await fleet.done(agent, "requeue-dead-letter", { engine: "bullmq", task_id: letter });
  await completed(fleet, agent, letter);
  const request = await fleet.post("bulk-retry-requests", {
    idempotency_key: `retry-${other}`,
    agent_id: agent.id,
    filter: { engine: "bullmq", task_ids: [other] },
    max: 10,
  });
  assert.equal(request.status, 202, JSON.stringify(request.body));
  await completed(fleet, agent, other);
}

/** Pool, consumers and restart of both workers; a restart is refused where nobody supervises. */
async function commandWorkers(fleet: Fleet, agent: StockAgent): Promise<void> {
  const steer = async (name: string): Promise<void> => {
    const body = { engine: "bullmq", worker_name: name };
    const grown = await fleet.done(agent, "pool-resize", { ...body, delta: 3 });
    assert.equal(grown["worker"], name);
    const shrunk = await fleet.done(agent, "pool-resize", { ...body, delta: -3 });
    assert.equal(Number(grown["concurrency"]) - Number(shrunk["concurrency"]), 3);
    const off = await fleet.done(agent, "cancel-consumer", { ...body, queue: agent.name });
    assert.equal(off["consuming"], false);
    const on = await fleet.done(agent, "add-consumer", { ...body, queue: agent.name });
    assert.equal(on["consuming"], true);
    if (name.includes("kept")) return;
    const restart = await fleet.issue(agent, "restart-worker", body);
    assert.equal(restart.status, "failed");
    assert.match(restart.error ?? "", /no supervisor was found .* Z4J_ORCHESTRATED=1/);
  };
  await Promise.all((await workersOf(fleet, agent)).map(steer));
}

/** A schedule of the brain, triggered: `submit_task`. */
async function commandSubmission(fleet: Fleet, agent: StockAgent): Promise<void> {
  const name = `by-the-brain-${crypto.randomUUID()}`;
  const id = await createStockSchedule(fleet, {
    name,
    engine: "bullmq",
    task_name: name,
    queue: agent.name,
    kwargs: { n: 20 },
  });
  const fired = await fleet.post(`schedules/${id}/trigger`, {});
  assert.equal(fired.status, 200, JSON.stringify(fired.body));
  await until(`the job on ${agent.name}: ${JSON.stringify(fired.body)}`, async () => {
    const jobs = await fleet.queue(agent).getCompleted();
    return jobs.some((job) => job.name === name);
  }, WAIT_MS);
}

/** Disable, enable and trigger of a schedule that one process of the token has. */
async function commandSchedule(
  fleet: Fleet,
  agent: StockAgent,
  { scheduler, name, runs, sinceMs = 0 }: OwnedSchedule,
): Promise<void> {
  // A brain that was killed takes controls for the session of before, and they come to nothing.
  await untilBrain(`activation of ${scheduler}`, async () => {
    const all = await fleet.commands("schedule.external.activate");
    return all.some((row) =>
      row.agent_id === agent.id && row.status === "completed" &&
      Date.parse(`${row.issued_at}Z`) >= Math.floor(sinceMs / 1000) * 1000
    );
  });
  const { id } = await untilBrain(`${scheduler}: ${name}`, async () => {
    return (await schedulesOf(fleet, scheduler)).find((row) => row["name"] === name);
  });
  const before = await runs();
  for (const [change, isEnabled] of [["disable", false], ["enable", true]] as const) {
    await accepted(fleet, agent, `schedules/${id}/${change}`);
    await untilBrain(`${change} ${name} of ${agent.name}`, async () => {
      const row = await fleet.brain.get<Json>(`schedules/${id}`);
      if (row["is_enabled"] === isEnabled) return true;
      throw new Error(await controls(fleet));
    });
  }
  await accepted(fleet, agent, `schedules/${id}/trigger`);
  await until(`a run of ${name}`, async () => await runs() > before, WAIT_MS);
}

/** What became of the last controls, for a message. */
async function controls(fleet: Fleet): Promise<string> {
  const [mutate, control] = await Promise.all([
    fleet.commands("schedule.external.mutate"),
    fleet.commands("schedule.external.control"),
  ]);
  const rows = [...mutate.slice(0, 2), ...control.slice(0, 2)];
  return JSON.stringify(rows.map(({ action, status, error, result }) => ({
    ...{ action, status, error, result },
  })));
}

/** A schedule with a count of its runs. */
export interface OwnedSchedule {
  readonly scheduler: string;
  readonly name: string;
  readonly runs: () => Promise<number>;
  /** When the stream must have been activated at the earliest, Unix milliseconds. Default: 0. */
  readonly sinceMs?: number;
}

/** All schedules of a scheduler that the brain lists. */
export async function schedulesOf(fleet: Fleet, scheduler: string): Promise<readonly Json[]> {
  type Page = { readonly items: readonly Json[] };
  const { items } = await fleet.brain.get<Page>("schedules?limit=100");
  return items.filter((row) => row["scheduler"] === scheduler);
}

/** Names of the two workers of a token as the brain knows them, those that run. */
function workersOf(fleet: Fleet, { name }: StockAgent): Promise<readonly string[]> {
  type Rows = readonly { readonly name: string }[];
  return untilBrain(`both workers of ${name}`, async () => {
    const all = await fleet.brain.get<Rows | { readonly items: Rows }>("workers");
    const own = ("items" in all ? all.items : all)
      .map((row) => row.name)
      .filter((one) => new RegExp(`^${name}-(kept-)?\\d+$`).test(one));
    return own.length === 2 ? own : undefined;
  });
}

/** A job that failed for good and that the brain knows; its task id. */
async function failed(fleet: Fleet, agent: StockAgent, n: number): Promise<string> {
  const queue = fleet.queue(agent);
  const job = await queue.add("send", { n, fail: true });
  const id = `${queue.name}:${job.id}`;
  await until(`failure of ${id}`, async () => await job.isFailed());
  await untilBrain(`row of ${id}`, async () => {
    const row = await fleet.brain.get<Json>(`tasks/bullmq/${encodeURIComponent(id)}`);
    return row["state"] === "failure";
  });
  return id;
}

const completed = (fleet: Fleet, agent: StockAgent, taskId: string): Promise<unknown> =>
  until(`success of ${taskId}`, async () => {
    const job = await fleet.queue(agent).getJob(taskId.slice(agent.name.length + 1));
    return await job?.isCompleted();
  }, WAIT_MS);

/**
 * Asks until the brain has confirmed the control before. On SQLite this brain
 * writes an agent's facts as it read them, so a hello of one process may wipe out
 * what the stream of another one is allowed to: then its process dials again.
 */
async function accepted(fleet: Fleet, agent: StockAgent, path: string): Promise<void> {
  await untilBrain(path, async () => {
    const { status, body } = await fleet.post(path, {});
    const text = JSON.stringify(body);
    if (status === 409 && /awaiting confirmation/.test(text)) return false;
    if (status === 409 && /does not support atomic native writes/.test(text)) fleet.redial(agent);
    if (status >= 300) throw new Error(`${status} ${text}`);
    return true;
  });
}
