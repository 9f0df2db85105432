import { deepStrictEqual as deepEqual, match, strictEqual as equal } from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { agentRow, eventRow, scheduleRow, taskRow, workerRow } from "../_support/fake_core.ts";
import { type ServedBrain, serveFakeBrain } from "../_support/http_brain.ts";

const P = "/api/v1/projects/default";
type Json = Record<string, unknown>;

describe("the JSON interface", () => {
  let served: ServedBrain;

  before(async () => {
    served = await serveFakeBrain();
    const { state } = served;
    state.tasks.push(taskRow(), taskRow({ taskId: "a/b%2F:c d", state: "failure" }));
    state.events.push(eventRow());
    state.workers.push(workerRow());
    state.schedules.push(scheduleRow());
    state.agents.push(agentRow());
  });
  after(() => served.brain.close());
  beforeEach(() => {
    served.state.refusal = null;
  });

  const get = async (path: string): Promise<{ status: number; body: Json & Json[] }> => {
    const response = await served.call(path);
    return { status: response.status, body: await response.json() };
  };
  const command = async (name: string, body: Json): Promise<{ status: number; body: Json }> => {
    const response = await served.post(`${P}/commands/${name}`, body);
    return { status: response.status, body: await response.json() };
  };

  it("lists tasks with stock field names and ISO times", async () => {
    const { body } = await get(`${P}/tasks`);
    equal(body["next_cursor"], null);
    equal(body["total_count"], null);
    const [task] = body["items"] as Json[];
    equal(task?.["task_id"], "mail:1");
    equal(task?.["worker_name"], "worker-1");
    equal(task?.["finished_at"], "1970-01-01T00:00:03.000Z");
    equal((await get(`${P}/tasks?include_total=true`)).body["total_count"], 2);
  });

  it("passes every filter to the store and refuses wrong ones with 422", async () => {
    await get(
      `${P}/tasks?state=failure&name=n&search=s&queue=q&worker=w&engine=e&cursor=c&limit=5&request=r1` +
        "&since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z",
    );
    deepEqual(served.state.filters.at(-1), {
      state: "failure",
      name: "n",
      search: "s",
      request: "r1",
      queue: "q",
      worker: "w",
      engine: "e",
      cursor: "c",
      limit: 5,
      sinceMs: Date.UTC(2026, 0, 1),
      untilMs: Date.UTC(2026, 0, 2),
    });
    for (const query of ["state=odd", "limit=0", "limit=501", "limit=x", "since=yesterday"]) {
      const { status, body } = await get(`${P}/tasks?${query}`);
      equal(status, 422, query);
      equal(typeof body["detail"], "string");
    }
  });

  it("finds tasks whose id holds colons, slashes and percent signs", async () => {
    for (const id of ["mail:1", "a/b%2F:c d"]) {
      const { status, body } = await get(`${P}/tasks/bullmq/${encodeURIComponent(id)}`);
      equal(status, 200);
      equal(body["task_id"], id);
    }
    equal((await get(`${P}/tasks/bullmq/mail:1`)).status, 200);
    equal((await get(`${P}/tasks/bullmq/none`)).status, 404);
  });

  it("answers events of a task and demands engine and task_id", async () => {
    const { body } = await get(`${P}/events?engine=bullmq&task_id=mail%3A1`);
    equal((body["items"] as Json[])[0]?.["kind"], "task.succeeded");
    equal((await get(`${P}/events?engine=bullmq`)).status, 422);
  });

  it("answers agents, workers, schedules and stats", async () => {
    deepEqual((await get(`${P}/agents`)).body[0]?.["engine_adapters"], ["bullmq"]);
    equal((await get(`${P}/workers`)).body[0]?.["active_tasks"], 2);
    const schedules = (await get(`${P}/schedules`)).body["items"] as Json[];
    equal(schedules[0]?.["expression"], "0 3 * * *");
    equal((await get(`${P}/schedules/none`)).status, 404);
    const stats = (await get(`${P}/stats`)).body;
    deepEqual(stats["queue_depths"], [{ engine: "bullmq", name: "mail", pending_count: 7 }]);
    equal((stats["tasks_by_state"] as Json)["failure"], 1);
    equal(stats["tasks_total"], 2);
  });

  it("answers 404 for an unknown project and an unknown path", async () => {
    equal((await get("/api/v1/projects/none/tasks")).status, 404);
    deepEqual(await get("/api/v1/odd"), {
      status: 404,
      body: { detail: "nothing is here" } as unknown as Json & Json[],
    });
  });

  it("mints an agent once and answers 409 for a name in use", async () => {
    const created = await served.post(`${P}/agents`, { name: "fresh" });
    equal(created.status, 201);
    const body = await created.json() as Json;
    equal(body["token"], "token-once");
    equal(body["hmac_secret"], "secret-once");
    equal((await served.post(`${P}/agents`, { name: "fresh" })).status, 409);
    equal((await served.post(`${P}/agents`, { name: "" })).status, 422);
    equal((await served.post(`${P}/agents`, { name: 7 })).status, 422);
    equal((await served.call(`${P}/agents/agent`, { method: "DELETE" })).status, 204);
    equal((await served.call(`${P}/agents/none`, { method: "DELETE" })).status, 404);
  });

  it("turns command bodies into protocol parameters", async () => {
    const task = { agent_id: "agent", engine: "bullmq", task_id: "mail:1" };
    const retry = await command("retry-task", { ...task, idempotency_key: "k" });
    equal(retry.status, 202);
    equal(retry.body["action"], "retry_task");
    equal(retry.body["idempotency_key"], "k");
    deepEqual(retry.body["target"], { type: "task", id: "bullmq:mail:1", engine: "bullmq" });
    const payload = retry.body["payload"] as Json;
    equal(payload["task_name"], "sendMail");
    equal(payload["args"], null);
    equal(payload["original_had_args"], true);
    const bulk = await command("bulk-retry", {
      agent_id: "agent",
      filter: { engine: "bullmq", task_ids: ["mail:1"] },
      max: 5,
    });
    deepEqual(bulk.body["payload"], {
      filter: { engine: "bullmq", task_ids: ["mail:1"], task_names: { "mail:1": "sendMail" } },
      max: 5,
    });
    const shrink = await command("pool-resize", { agent_id: "agent", worker_name: "w", delta: -2 });
    equal(shrink.body["action"], "pool_shrink");
    deepEqual(shrink.body["payload"], { worker_name: "w", delta: 2 });
    const submit = await command("submit-task", { agent_id: "agent", engine: "bullmq", name: "n" });
    equal(submit.body["action"], "submit_task");
    equal((await get(`${P}/commands`)).body["next_cursor"], null);
    equal((await get(`${P}/commands/${String(submit.body["id"])}`)).body["action"], "submit_task");
  });

  it("refuses wrong command bodies", async () => {
    const task = { agent_id: "agent", engine: "bullmq", task_id: "mail:1" };
    const wrong: readonly (readonly [string, Json, number])[] = [
      ["cancel-task", { engine: "bullmq", task_id: "1" }, 422],
      ["cancel-task", { ...task, task_id: "x".repeat(201) }, 422],
      ["retry-task", { ...task, override_args: [] }, 422],
      ["retry-task", { ...task, eta_seconds: -1 }, 422],
      ["bulk-retry", { agent_id: "agent", filter: { engine: "bullmq" } }, 410],
      ["bulk-retry", { agent_id: "agent", filter: { engine: "bullmq", task_ids: [1] } }, 422],
      ["purge-queue", { agent_id: "agent", queue: "mail" }, 422],
      ["rate-limit", { agent_id: "agent", task_name: "n", rate: "10/y" }, 422],
      ["pool-resize", { agent_id: "agent", worker_name: "w", delta: 0 }, 422],
    ];
    for (const [name, body, status] of wrong) {
      equal((await command(name, body)).status, status, `${name} ${JSON.stringify(body)}`);
    }
    const plain = await served.call(`${P}/commands/cancel-task`, { method: "POST", body: "{}" });
    equal(plain.status, 415);
    const headers = { "content-type": "application/json" };
    const broken = { method: "POST", headers, body: "{" };
    equal((await served.call(`${P}/commands/cancel-task`, broken)).status, 400);
  });

  it("answers 404, 409 and 422 with the operator's reason", async () => {
    const task = { agent_id: "agent", engine: "bullmq", task_id: "mail:1" };
    const statuses = { not_found: 404, conflict: 409, refused: 422 } as const;
    for (const kind of ["not_found", "conflict", "refused"] as const) {
      served.state.refusal = { kind, message: `because ${kind}` };
      deepEqual(await command("cancel-task", task), {
        status: statuses[kind],
        body: { detail: `because ${kind}` },
      });
    }
  });

  it("controls schedules and asks for their publication", async () => {
    for (const operation of ["enable", "disable", "trigger"]) {
      const response = await served.post(`${P}/schedules/schedule/${operation}`, {});
      equal(response.status, 202);
      match(String((await response.json() as Json)["action"]), new RegExp(operation));
    }
    equal((await served.post(`${P}/schedules/schedule/explode`, {})).status, 404);
    equal((await served.call(`${P}/schedules:resync`, { method: "POST" })).status, 202);
  });
});
