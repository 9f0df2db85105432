import { strict as assert } from "node:assert";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { JsonObject, JsonValue } from "../../src/base/json.ts";
import { type BrainParts, openBrainParts } from "../../src/brain/core.ts";
import { createOperator } from "../../src/brain/operator.ts";
import type { TaskRow } from "../../src/brain/store.ts";
import { parseEvent } from "../../src/brain/event_input.ts";
import { projectTask } from "../../src/brain/task_machine.ts";
import type { TaskRecord } from "../../src/brain/task_record.ts";
import { parseTimestamp } from "../../src/brain/timestamps.ts";
import {
  type BrainFixture,
  connect,
  openFixture,
  type PeerAgent,
  wireEvent,
} from "../_support/brain_peer.ts";
import { findingList } from "../../src/brain/ui/fleet.ts";

const BASE_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const at = (offsetMs: number): string => new Date(BASE_MS + offsetMs).toISOString();

function run(events: readonly JsonObject[]): TaskRecord | null {
  let task: TaskRecord | null = null;
  for (const raw of events) {
    const event = parseEvent(raw, BASE_MS + 10_000);
    if (event !== null) task = projectTask(task, event, 1, BASE_MS);
  }
  return task;
}

function kind(
  name: string,
  offsetMs: number,
  data: JsonObject = { task_name: "send" },
): JsonObject {
  return wireEvent({ kind: `task.${name}`, occurred_at: at(offsetMs), data });
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, index) =>
    permutations(items.filter((_, other) => other !== index)).map((rest) => [item, ...rest])
  );
}

describe("submit()", () => {
  let parts: BrainParts;
  // The brain's own timers never keep a process alive.
  let alive: ReturnType<typeof setInterval>;
  beforeEach(async () => {
    alive = setInterval(() => {}, 1000);
    parts = await openBrainParts({ path: ":memory:" });
    const operator = createOperator(parts);
    const project = operator.createProject("default", "Default");
    await operator.mintAgent(project.id, "web");
  });
  afterEach(() => {
    clearInterval(alive);
    parts.context.db.close();
  });
  const submit = (events: readonly JsonValue[]) =>
    parts.ingestor.submit({ project: 1, agent: 1, events });
  const stored = (): readonly unknown[] =>
    parts.context.db.all("SELECT task_id FROM tasks ORDER BY pk").map((row) => row["task_id"]);

  it("keeps everything but the event that SQLite refuses, in its batch and its group", async () => {
    parts.context.db.sql(
      `CREATE TRIGGER poison BEFORE INSERT ON tasks WHEN NEW.task_id = 'bad'
       BEGIN SELECT raise(ABORT, 'refused'); END`,
    ).run();
    const events = ["a", "bad", "b"].map((id) => wireEvent({ task_id: id }));
    const [first, second] = await Promise.all([
      submit(events),
      submit([wireEvent({ task_id: "c" })]),
    ]);
    assert.deepEqual(first, { kind: "stored", received: 3, accepted: 2, rejected: 1 });
    assert.deepEqual(second, { kind: "stored", received: 1, accepted: 1, rejected: 0 });
    assert.deepEqual(stored(), ["a", "b", "c"]);
    const kept = parts.context.db.all("SELECT task_id FROM events WHERE task_id = 'bad'");
    assert.equal(kept.length, 0);
  });

  it("rejects and stores nothing while the database is in trouble, and recovers", async () => {
    const { db } = parts.context;
    const events = [wireEvent({ task_id: "a" })];
    db.sql("PRAGMA query_only = 1").all();
    await assert.rejects(submit(events));
    db.sql("PRAGMA query_only = 0").all();
    assert.deepEqual(stored(), []);
    assert.deepEqual(await submit(events), {
      kind: "stored",
      received: 1,
      accepted: 1,
      rejected: 0,
    });
  });

  it("shares one commit between batches that queue up", async () => {
    let commits = 0;
    const { changes } = parts.context;
    const original = changes.changed.bind(changes);
    changes.changed = (...topics) => {
      commits++;
      original(...topics);
    };
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => submit([wireEvent({ task_id: `t${i}` })])),
    );
    assert.equal(stored().length, 50);
    assert.equal(commits, 1);
  });

  it("takes 5000 events of a batch and ignores the rest", async () => {
    const events = Array.from({ length: 5003 }, (_, i) => wireEvent({ task_id: `t${i}` }));
    const outcome = await submit(events);
    assert.deepEqual(outcome, { kind: "stored", received: 5000, accepted: 5000, rejected: 0 });
  });

  it("answers revoked for an agent that may not talk any more", async () => {
    parts.context.db.sql("UPDATE agents SET revoked_ms = 1").run();
    assert.deepEqual(await submit([wireEvent()]), { kind: "revoked" });
    assert.deepEqual(stored(), []);
  });
});

describe("projectTask()", () => {
  it("ends in the same state for every order of a job's events", () => {
    const jobs: readonly (readonly [string, readonly JsonObject[]])[] = [
      ["success", [kind("received", 0), kind("started", 1), kind("succeeded", 2)]],
      ["failure", [kind("received", 0), kind("started", 1), kind("retried", 2), kind("failed", 3)]],
      ["revoked", [kind("received", 0), kind("started", 1), kind("revoked", 2)]],
      ["success", [kind("failed", 2), kind("succeeded", 5), kind("received", 0)]],
      ["retry", [kind("received", 0), kind("started", 1), kind("retried", 2)]],
    ];
    for (const [state, events] of jobs) {
      for (const order of permutations(events)) {
        const task = run(order);
        const names = order.map((event) => event["kind"]).join();
        assert.equal(task?.state, state, names);
        assert.equal(task?.name, "send", names);
      }
    }
  });

  it("never lets a non-terminal event replace a terminal state, whatever its time", () => {
    for (const end of ["succeeded", "failed", "revoked"]) {
      for (const late of ["received", "started", "retried"]) {
        const before = run([kind(end, 0)]);
        const after = run([kind(end, 0), kind(late, 5000)]);
        assert.equal(after?.state, before?.state, `${end} ${late}`);
        assert.equal(after?.startedMs, null);
      }
    }
  });

  it("applies an equal time and refuses an earlier one inside a tier", () => {
    assert.equal(run([kind("failed", 5), kind("succeeded", 5)])?.state, "success");
    assert.equal(run([kind("failed", 5), kind("succeeded", 4)])?.state, "failure");
  });

  it("lets a refused event fill in nothing but a missing name", () => {
    const task = run([
      kind("succeeded", 9, { result: 1 }),
      kind("received", 0, { task_name: "late", args: [1], queue: "q" }),
    ]);
    assert.deepEqual([task?.name, task?.args, task?.queue], ["late", null, null]);
    const named = run([kind("succeeded", 9), kind("received", 0, { task_name: "other" })]);
    assert.equal(named?.name, "send");
  });

  it("writes the fields of each kind", () => {
    const task = run([
      kind("received", 0, {
        task_name: "send",
        args: [1],
        kwargs: { a: 1 },
        queue: "mail",
        parent_task_id: "p",
        root_task_id: "mail:1",
        priority: "high",
      }),
      kind("started", 1, { worker: "w" }),
      kind("retried", 2, { retry_count: 3 }),
      kind("failed", 4, { exception: "Boom", traceback: "at x", runtime_ms: 7, priority: "odd" }),
    ]);
    assert.deepEqual(
      [task?.args, task?.kwargs, task?.queue, task?.parentTaskId, task?.rootTaskId, task?.worker],
      ["[1]", '{"a":1}', "mail", "p", null, "w"],
    );
    assert.deepEqual(
      [task?.retryCount, task?.exception, task?.traceback, task?.runtimeMs, task?.priority],
      [3, "Boom", "at x", 7, "normal"],
    );
    assert.deepEqual([task?.finishedMs, task?.lastFailedMs], [BASE_MS + 4, BASE_MS + 4]);
    const done = run([
      kind("failed", 4, { exception: "Boom" }),
      kind("succeeded", 5, { result: 0 }),
    ]);
    assert.deepEqual([done?.exception, done?.result], [null, "0"]);
  });

  it("makes no row of task.sent, task.rejected and other kinds", () => {
    assert.equal(run([kind("sent", 0), kind("rejected", 1), kind("odd", 2)]), null);
  });
});

describe("parseEvent()", () => {
  const parse = (over: Record<string, JsonValue>) => parseEvent(wireEvent(over), BASE_MS);

  it("ignores what has no engine or kind, holds NUL or exceeds a column", () => {
    const bad: Record<string, JsonValue>[] = [
      { engine: " " },
      { engine: null },
      { kind: "" },
      { engine: "x".repeat(41) },
      { task_id: "x".repeat(201) },
      { task_id: "a\0b" },
      { data: { deep: [{ text: "a\0b" }] } },
      { data: { queue: "q".repeat(201) } },
    ];
    for (const over of bad) assert.equal(parse(over), null, JSON.stringify(over));
    assert.equal(parseEvent("text", BASE_MS), null);
    assert.notEqual(parse({ data: { path: "C:\\u0000" } }), null);
  });

  it("clamps times that are missing, too old or too new to now", () => {
    const occurred = (text: JsonValue) => parse({ occurred_at: text })?.occurredMs;
    assert.equal(occurred(at(60_000)), BASE_MS + 60_000);
    assert.equal(occurred(at(60_001)), BASE_MS);
    assert.equal(occurred(at(-400 * 86_400_000)), BASE_MS - 400 * 86_400_000);
    assert.equal(occurred(at(-400 * 86_400_000 - 1)), BASE_MS);
    assert.equal(occurred("yesterday"), BASE_MS);
    assert.equal(occurred(null), BASE_MS);
  });

  it("trusts version 4 and 7 ids only and stores unknown kinds as such", () => {
    assert.equal(
      parse({ id: "0195C1F0-1111-7222-8333-444455556666" })?.id,
      "0195c1f0-1111-7222-8333-444455556666",
    );
    assert.equal(
      parse({ id: "0195c1f0111172228333444455556666" })?.id,
      "0195c1f0-1111-7222-8333-444455556666",
    );
    assert.equal(parse({ id: "0195c1f0-1111-1222-8333-444455556666" })?.id, null);
    assert.equal(parse({ kind: "task.exploded" })?.kind, "unknown");
  });
});

describe("parseTimestamp()", () => {
  it("takes offsets, microseconds and naive times as UTC", () => {
    assert.equal(parseTimestamp("2026-01-02T03:04:05Z"), BASE_MS);
    assert.equal(parseTimestamp("2026-01-02T03:04:05.123456+00:00"), BASE_MS + 123);
    assert.equal(parseTimestamp("2026-01-02T05:04:05+02:00"), BASE_MS);
    assert.equal(parseTimestamp("2026-01-02 03:04:05"), BASE_MS);
    assert.equal(parseTimestamp("2026-02-30T00:00:00Z"), null);
    assert.equal(parseTimestamp(5), null);
  });
});

describe("Ingestor", () => {
  let fixture: BrainFixture;
  let peer: PeerAgent;
  beforeEach(async () => {
    fixture = await openFixture();
    peer = await connect(fixture);
  });
  afterEach(() => fixture.brain.close());
  const task = (id = "mail:1"): TaskRow | null =>
    fixture.brain.reader.task(fixture.project.id, "bullmq", id);
  const counts = async (id: string, events: readonly JsonValue[]): Promise<readonly unknown[]> => {
    const ack = await peer.batch(id, events);
    return [ack["received"], ack["accepted"], ack["rejected"]];
  };

  it("acknowledges new rows as accepted, resends as rejected, and changes nothing by them", async () => {
    const events = [wireEvent(), wireEvent({ kind: "worker.online", task_id: "" })];
    assert.deepEqual(await counts("b1", events), [2, 2, 0]);
    const before = task();
    assert.deepEqual(await counts("b2", events), [2, 0, 2]);
    assert.deepEqual(task(), before);
  });

  it("collapses task events by content, keeps attempts and milliseconds apart", async () => {
    const now = Date.now();
    const started = (attempt: number | null, ms: number): JsonObject =>
      wireEvent({
        kind: "task.started",
        occurred_at: new Date(now + ms).toISOString(),
        data: attempt === null ? {} : { attempt },
      });
    assert.deepEqual(await counts("b1", [started(1, 0), started(2, 0), started(1, 1)]), [3, 3, 0]);
    assert.deepEqual(await counts("b2", [started(1, 0), started(2, 0)]), [2, 0, 2]);
    assert.deepEqual(await counts("b3", [started(null, 0), started(null, 0)]), [2, 1, 1]);
  });

  it("keeps the good events of a batch with bad ones", async () => {
    const bad: JsonValue[] = [7, null, {}, wireEvent({ engine: "" }), wireEvent({ task_id: "\0" })];
    assert.deepEqual(await counts("b1", [...bad, wireEvent()]), [6, 1, 5]);
    assert.equal(task()?.state, "received");
  });

  it("answers events that are absent, null or no array with zeros", async () => {
    for (
      const [id, payload] of Object.entries({ a: {}, b: { events: null }, c: { events: "x" } })
    ) {
      await peer.send("event_batch", id, payload);
      const ack = await peer.frame((one) => one.payload["acked_id"] === id, id);
      assert.deepEqual([ack.payload["received"], ack.id], [0, `eba_${id}`]);
    }
  });

  it("cuts the ids of an ack to 64 characters", async () => {
    const id = "e".repeat(80);
    await peer.send("event_batch", id, { events: [] });
    const ack = await peer.frame((one) => one.type === "event_batch_ack", "ack");
    assert.equal(ack.payload["acked_id"], "e".repeat(64));
    assert.equal(ack.id, `eba_${"e".repeat(60)}`);
  });

  it("redacts the whole event before anything else", async () => {
    await peer.batch("b1", [
      wireEvent({
        data: { task_name: "send", args: ["bob@example.com"], kwargs: { password: "x" } },
      }),
    ]);
    assert.deepEqual(task()?.args, ["[REDACTED]"]);
    assert.deepEqual(task()?.kwargs, { password: "[REDACTED]" });
    const [event] = fixture.brain.reader.taskEvents(fixture.project.id, "bullmq", "mail:1");
    assert.deepEqual(event?.data["args"], ["[REDACTED]"]);
  });

  it("refuses unsequenced schedule events without an ack but stores their neighbours", async () => {
    const legacy = wireEvent({ kind: "schedule.snapshot", task_id: "", data: { schedules: [] } });
    await peer.send("event_batch", "b1", { events: [legacy, wireEvent()] });
    const error = await peer.frame((one) => one.type === "error", "error");
    assert.deepEqual([error.id, error.payload["code"], error.payload["fatal"]], [
      "err_b1",
      "scheduler_upgrade_required",
      true,
    ]);
    assert.equal(task()?.state, "received");
    await peer.batch("b2", []);
    assert.equal(peer.frames.some((one) => one.payload["acked_id"] === "b1"), false);
  });

  it("creates queues and workers, and lets worker.offline set a worker offline", async () => {
    const { reader } = fixture.brain;
    const id = fixture.project.id;
    await peer.batch("b1", [wireEvent({ data: { queue: "mail", worker: "box-1" } })]);
    assert.equal(reader.queues(id)[0]?.name, "mail");
    assert.equal(reader.workers(id)[0]?.state, "online");
    await peer.batch("b2", [
      wireEvent({ kind: "worker.offline", task_id: "", data: { worker: "box-1" } }),
    ]);
    assert.equal(reader.workers(id)[0]?.state, "offline");
  });

  it("projects a heartbeat's depths and worker details", async () => {
    const { reader } = fixture.brain;
    const id = fixture.project.id;
    const details = {
      "box-1": {
        stats: { pid: 5, pool: { "max-concurrency": 4 }, loadavg: [0.5] },
        active: [{}, {}],
        active_queues: [{ name: "mail" }],
        registered: ["send"],
        conf: { timezone: "UTC", broker_url: "secret" },
      },
    };
    await peer.send("heartbeat", "hb1", {
      adapter_health: {
        "bullmq.queue_depths": JSON.stringify({ a: 3, b: "4", c: "x", d: 9 }),
        "bullmq.worker_details": JSON.stringify(details),
        "odd": "x",
      },
    });
    await peer.batch("b1", []);
    const { queueDepths } = reader.stats(id);
    assert.deepEqual(queueDepths.map((one) => [one.name, one.pendingCount]), [["a", 3], ["b", 4]]);
    const [worker] = reader.workers(id);
    assert.deepEqual([worker?.pid, worker?.concurrency, worker?.activeTasks], [5, 4, 2]);
    assert.deepEqual([worker?.queues, worker?.loadAverage], [["mail"], [0.5]]);
    assert.deepEqual(worker?.metadata["conf"], { timezone: "UTC" });
    await peer.send("heartbeat", "hb2", {
      adapter_health: { "bullmq.worker_details": JSON.stringify({ "box-1": { active: [] } }) },
    });
    await peer.batch("b2", []);
    assert.deepEqual([reader.workers(id)[0]?.activeTasks, reader.workers(id)[0]?.pid], [0, 5]);
  });

  it("keeps what the engines of a process find risky, the worst first, until it is cured", async () => {
    const { reader } = fixture.brain;
    const { id } = fixture.project;
    const finding = (code: string, severity: string, subject: string) => ({
      ...{ code, severity, subject, message: "It is so.", remedy: "Do it." },
    });
    const told = [
      finding("Z4J_LINT_WORKER_UNNAMED", "info", "worker"),
      finding("Z4J_LINT_REDIS_EVICTION", "error", "https://user:hunter2@redis.example"),
      { code: 5 },
      finding("Z4J_LINT_ODD", "fatal", "x"),
    ];
    await peer.send("heartbeat", "hb1", {
      adapter_health: { "bullmq.findings": JSON.stringify(told), "other.findings": "{broken" },
    });
    await peer.batch("b1", []);
    const [found] = reader.agentWorkers(id);
    assert.deepEqual(found?.findings.map(({ code, engine }) => [engine, code]), [
      ["bullmq", "Z4J_LINT_REDIS_EVICTION"],
      ["bullmq", "Z4J_LINT_WORKER_UNNAMED"],
    ]);
    assert.ok(!JSON.stringify(found?.findings).includes("hunter2"));
    assert.match(findingList(reader.agentWorkers(id)).text, /Z4J_LINT_REDIS_EVICTION/);
    await peer.send("heartbeat", "hb2", { adapter_health: {} });
    await peer.batch("b2", []);
    assert.deepEqual(reader.agentWorkers(id)[0]?.findings, []);
  });

  it("tells listeners, merged, what changed after commits", async () => {
    const calls: ReadonlySet<string>[] = [];
    const remove = fixture.brain.reader.onChange((topics) => calls.push(topics));
    for (let i = 0; i < 5; i++) await peer.batch(`b${i}`, [wireEvent({ task_id: `m:${i}` })]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(calls.length, 0);
    const endMs = Date.now() + 2000;
    while (calls.length === 0 && Date.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.ok(calls[0]?.has("tasks"));
    assert.ok(calls.length <= 2);
    remove();
  });
});
