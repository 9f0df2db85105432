import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createBatchPacer } from "../../src/agent/batch_pacer.ts";
import { trimEvent } from "../../src/agent/event_bounds.ts";
import { createFailureLog } from "../../src/agent/failure_log.ts";
import { createOutbox } from "../../src/agent/outbox.ts";
import { createPump, type Pump } from "../../src/agent/pump.ts";
import { claimProcess, releaseProcess, runningAgent } from "../../src/agent/registry.ts";
import { retryDelayMs } from "../../src/agent/retry_policy.ts";
import { type AgentState, canChange, TRANSITIONS } from "../../src/agent/states.ts";
import { utf8Length } from "../../src/agent/utf8_length.ts";
import type { Clock } from "../../src/base/clock.ts";
import { noopLogger } from "../../src/base/logger.ts";
import type { EventBuffer } from "../../src/buffer/port.ts";
import { draftEngineEvent, draftScheduleRun } from "../../src/protocol/event_wire.ts";
import { groupableStack } from "../../src/protocol/stack_text.ts";
import type { SessionEnd } from "../../src/transport/port.ts";
import { keepingLogger, memoryBuffer, SESSION_TERMS } from "../_support/agent_rig.ts";

interface ManualClock extends Clock {
  advance(ms: number): void;
}

function manualClock(earlyMs = 0): ManualClock {
  let now = 1_000_000;
  let timers: { at: number; call: () => void }[] = [];
  return {
    now: () => now,
    monotonic: () => now,
    setTimer(call, delayMs) {
      const timer = { at: now + Math.max(0, delayMs - earlyMs), call };
      timers.push(timer);
      return () => void (timers = timers.filter((other) => other !== timer));
    },
    advance(ms) {
      now += ms;
      const due = timers.filter((timer) => timer.at <= now);
      timers = timers.filter((timer) => timer.at > now);
      for (const timer of due) timer.call();
    },
  };
}

function end(of: SessionEnd["class"], code: number | null = null): SessionEnd {
  return { class: of, code, advice: "because" };
}

interface PumpRig {
  readonly pump: Pump;
  readonly buffer: EventBuffer;
  readonly clock: ManualClock;
  readonly gaveUp: string[];
}

async function pumpRig(texts: readonly string[], earlyMs = 0): Promise<PumpRig> {
  const clock = manualClock(earlyMs);
  const buffer = memoryBuffer();
  for (const text of texts) {
    buffer.push({ text, bytes: utf8Length(text), kind: "task.started", class: "progress" });
  }
  await buffer.settled();
  const pump = createPump({ buffer, clock, logger: noopLogger });
  const gaveUp: string[] = [];
  pump.begin(SESSION_TERMS, {
    wake() {},
    verified() {},
    giveUp: (advice) => void gaveUp.push(advice),
  });
  return { pump, buffer, clock, gaveUp };
}

async function send(pump: Pump): Promise<{ id: string; payloadText: string } | null> {
  const batch = await pump.next();
  if (batch !== null) pump.sent(batch);
  return batch;
}

describe("createPump()", () => {
  it("next() asks for a sign of life first, then joins the stored texts", async () => {
    const { pump, buffer } = await pumpRig(['{"a":1}', '{"b":2}']);
    assert.equal((await send(pump))?.payloadText, '{"events":[]}');
    const batch = await send(pump);
    assert.equal(batch?.payloadText, '{"events":[{"a":1},{"b":2}]}');
    assert.equal(await send(pump), null);
    pump.acked("unknown");
    assert.equal(buffer.depth().count, 2);
    pump.acked(batch?.id ?? "");
    pump.acked(batch?.id ?? "");
    await buffer.settled();
    assert.equal(buffer.depth().count, 0);
    assert.equal(pump.counters().acked, 2);
  });

  it("acked() removes what its own batch held, and nothing before it", async () => {
    const text = (n: number): string => `{"n":"${String(n).repeat(2000)}"}`;
    const { pump, buffer } = await pumpRig([text(1), text(2)]);
    const probe = await send(pump);
    pump.acked(probe?.id ?? "");
    const [first, second] = [await send(pump), await send(pump)];
    assert.ok(first !== null && second !== null);
    pump.acked(second.id);
    await buffer.settled();
    const left = await buffer.read(0, { maxCount: 10, maxBytes: 10_000 });
    assert.deepEqual(left.map((entry) => entry.text), [text(1)]);
  });

  it("sends an unacknowledged batch again after 90 s, then gives the session up", async () => {
    const { pump, clock, gaveUp } = await pumpRig(['{"a":1}']);
    const probe = await send(pump);
    const batch = await send(pump);
    clock.advance(1);
    pump.acked(probe?.id ?? "");
    clock.advance(90_000);
    assert.equal((await send(pump))?.id, batch?.id);
    assert.deepEqual(gaveUp, []);
    clock.advance(90_000);
    assert.equal(gaveUp.length, 1);
  });

  it("reads a batch anew when part of it is gone before it is sent again", async () => {
    const { pump, buffer, clock } = await pumpRig(['{"a":1}', '{"b":2}']);
    const probe = await send(pump);
    const batch = await send(pump);
    clock.advance(1);
    pump.acked(probe?.id ?? "");
    const [first] = await buffer.read(0, { maxCount: 1, maxBytes: 1000 });
    buffer.discard(first ?? assert.fail("nothing is stored"), "capacity");
    await buffer.settled();
    clock.advance(90_000);
    const again = await send(pump);
    assert.equal(again?.payloadText, '{"events":[{"b":2}]}');
    pump.acked(batch?.id ?? "");
    await buffer.settled();
    assert.equal(buffer.depth().count, 1);
    pump.acked(again?.id ?? "");
    await buffer.settled();
    assert.equal(buffer.depth().count, 0);
  });

  it("gives a silent session up and asks an idle one for a sign of life", async () => {
    const { pump, clock, gaveUp } = await pumpRig([]);
    pump.acked((await send(pump))?.id ?? "");
    assert.equal(await send(pump), null);
    clock.advance(60_000);
    const probe = await send(pump);
    assert.equal(probe?.payloadText, '{"events":[]}');
    clock.advance(29_000);
    assert.deepEqual(gaveUp, []);
    clock.advance(1000);
    assert.equal(gaveUp.length, 1);
  });

  it("still watches after a timer that rang a moment early", async () => {
    const { pump, clock, gaveUp } = await pumpRig(['{"a":1}'], 1);
    await send(pump);
    await send(pump);
    clock.advance(29_999);
    assert.deepEqual(gaveUp, []);
    clock.advance(2);
    assert.equal(gaveUp.length, 1);
  });

  it("discards an event that is larger than the brain's frames", async () => {
    const { pump, buffer } = await pumpRig([`{"a":"${"x".repeat(5000)}"}`, '{"b":2}']);
    await send(pump);
    assert.equal((await send(pump))?.payloadText, '{"events":[{"b":2}]}');
    assert.deepEqual(buffer.losses().content, { "task.started": 1 });
  });

  it("cuts what does not fit out of an event, also when it is sent again", async () => {
    const large = JSON.stringify({ data: { args: ["x".repeat(5000)], queue: "mail" }, id: "1" });
    const { pump, buffer, clock } = await pumpRig([large]);
    const probe = await send(pump);
    const batch = await send(pump);
    const cut = "[5004 bytes removed: the event was too large]";
    const text = JSON.stringify({ events: [{ data: { args: [cut], queue: "mail" }, id: "1" }] });
    assert.equal(batch?.payloadText, text);
    clock.advance(1);
    pump.acked(probe?.id ?? "");
    clock.advance(90_000);
    assert.equal((await send(pump))?.payloadText, text);
    pump.acked(batch?.id ?? "");
    await buffer.settled();
    assert.deepEqual([buffer.depth().count, buffer.losses().content], [0, {}]);
  });

  it("publish() settles with the ack, or as lost with the session", async () => {
    const { pump } = await pumpRig([]);
    await send(pump);
    const first = pump.publish(['{"s":1}']);
    const batch = await send(pump);
    assert.equal(batch?.payloadText, '{"events":[{"s":1}]}');
    pump.acked(batch?.id ?? "");
    assert.equal(await first, "acked");
    const second = pump.publish(['{"s":2}']);
    pump.end(end("connection", 1012));
    assert.equal(await second, "lost");
    assert.equal(await pump.publish(['{"s":3}']), "lost");
  });
});

describe("createBatchPacer()", () => {
  it("shrinks for a slow brain and grows for a quick one", () => {
    const slow = createBatchPacer();
    slow.attended = true;
    assert.equal(slow.batchEvents(), 500);
    slow.measured({ count: 0, serviceMs: 10 });
    for (let i = 0; i < 10; i++) {
      const count = slow.batchEvents();
      slow.measured({ count, serviceMs: 10 + count * 9 });
    }
    assert.ok(slow.batchEvents() > 40 && slow.batchEvents() < 70, `${slow.batchEvents()}`);
    assert.ok(slow.windowEvents() < 250);
    slow.attended = false;
    const events = slow.batchEvents();
    assert.ok(events > 400 && events < 700, `${events} events while nobody gives commands`);
    assert.ok(slow.windowEvents() < events, "one long batch at a time");
    const quick = createBatchPacer();
    quick.measured({ count: 0, serviceMs: 200 });
    for (let i = 0; i < 10; i++) quick.measured({ count: 500, serviceMs: 220 });
    assert.equal(quick.batchEvents(), 5000);
  });

  it("halves a suspect batch and goes back once it has passed", () => {
    const pacer = createBatchPacer();
    pacer.suspect({ count: 500, lastId: 500 });
    assert.deepEqual([pacer.careful, pacer.batchEvents(), pacer.windowEvents()], [true, 250, 1]);
    pacer.passed(250);
    assert.equal(pacer.careful, true);
    pacer.passed(500);
    assert.deepEqual([pacer.careful, pacer.batchEvents()], [false, 500]);
  });
});

describe("createOutbox()", () => {
  it("keeps answers over a session until they expire, and repeats results", () => {
    const clock = manualClock();
    const outbox = createOutbox(clock, () => {});
    const push = (
      type: "heartbeat" | "command_ack" | "command_result",
      expiresAtMs: number | null,
    ) => outbox.push({ type, id: type, payloadText: "{}", expiresAtMs });
    push("heartbeat", null);
    push("command_ack", clock.monotonic() + 1000);
    push("command_result", clock.monotonic() + 1000);
    assert.equal(outbox.take()?.type, "heartbeat");
    assert.equal(outbox.take()?.type, "command_ack");
    assert.equal(outbox.take()?.type, "command_result");
    outbox.begin();
    assert.equal(outbox.take()?.type, "command_result");
    clock.advance(2000);
    outbox.begin();
    assert.equal(outbox.take(), undefined);
  });

  it("push() refuses and counts beyond its bound", () => {
    const outbox = createOutbox(manualClock(), () => {});
    const frame = { type: "heartbeat", id: "h", payloadText: "{}", expiresAtMs: null } as const;
    let taken = 0;
    while (taken < 5000 && outbox.push(frame)) taken++;
    assert.equal(taken, 2000);
    assert.equal(outbox.dropped, 1);
  });
});

describe("retryDelayMs()", () => {
  it("stays within floor and ceiling of each class", () => {
    const range = (failure: SessionEnd, streak: number) =>
      [0, 1].map((random) => Math.round(retryDelayMs(failure, streak, random)));
    assert.deepEqual(range(end("connection"), 1), [250, 1000]);
    assert.deepEqual(range(end("connection"), 99), [250, 30_000]);
    assert.deepEqual(range(end("protocol"), 99), [250, 60_000]);
    assert.deepEqual(range(end("auth", 4401), 1), [5000, 10_000]);
    assert.deepEqual(range(end("auth", 4403), 99), [300_000, 600_000]);
    assert.deepEqual(range(end("incompatible", 4426), 1), [60_000, 120_000]);
    assert.deepEqual(range(end("incompatible", 4426), 99), [1_800_000, 3_600_000]);
    assert.equal(range(end("connection", 4002), 1)[0], 5000);
  });
});

describe("createFailureLog()", () => {
  it("warns once per cause, tells every tenth attempt and the recovery", () => {
    const logger = keepingLogger();
    const failures = createFailureLog(logger);
    for (let i = 0; i < 20; i++) {
      const failure = end(i === 5 ? "auth" : "connection", i === 5 ? 4401 : 1006);
      failures.failed(failure);
      failures.tell(failure, 1000);
    }
    const count = (level: string) => logger.lines.filter((line) => line.level === level).length;
    assert.deepEqual([count("warn"), count("info"), count("debug")], [2, 2, 16]);
    assert.deepEqual([failures.streaks.connection, failures.streaks.auth], [19, 1]);
    failures.recovered();
    failures.recovered();
    assert.equal(count("info"), 3);
    assert.equal(failures.last, null);
  });
});

describe("trimEvent()", () => {
  it("replaces the largest members until the event fits", () => {
    const event = {
      id: "1",
      data: { small: "x", args: ["y".repeat(900)], result: "z".repeat(500) },
    };
    const trimmed = trimEvent(event, 800) as { data: Record<string, unknown> };
    assert.equal(trimmed.data["small"], "x");
    assert.equal(trimmed.data["result"], "z".repeat(500));
    assert.match(String((trimmed.data["args"] as string[])[0]), /^\[904 bytes removed/);
    assert.ok(JSON.stringify(trimmed).length <= 800);
  });
});

describe("event_wire", () => {
  it("draftEngineEvent() never sets data.worker for worker.offline", () => {
    const event = {
      kind: "worker.offline",
      worker: "w",
      occurredAtMs: 0,
      extra: { worker: "w" },
    } as const;
    const { data, occurred_at } = draftEngineEvent("i", "e", event, {}, 5);
    assert.deepEqual(data, { worker_name: "w" });
    assert.equal(occurred_at, "1970-01-01T00:00:00.000Z");
  });

  it("draftEngineEvent() rounds run times and keeps extra facts from replacing keys", () => {
    const data = {
      taskName: "t",
      runtimeMs: 12.6,
      attempt: 2,
      extra: { task_name: "no", lane: 3 },
    };
    const event = { kind: "task.succeeded", taskId: "q:1", occurredAtMs: NaN, data } as const;
    const draft = draftEngineEvent("i", "e", event, { environment: "prod" }, 1000);
    assert.equal(draft.occurred_at, "1970-01-01T00:00:01.000Z");
    assert.deepEqual(draft.data, {
      lane: 3,
      task_name: "t",
      runtime_ms: 13,
      attempt: 2,
      environment: "prod",
    });
  });

  it("draftScheduleRun() names the run, the schedule and its outcome", () => {
    const draft = draftScheduleRun(
      "i",
      "croner",
      {
        phase: "completed",
        runId: "r",
        scheduleKey: "k",
        scheduleName: "n",
        taskName: "t",
        occurredAtMs: 0,
        outcome: "failure",
        runtimeMs: 1.2,
        exception: "E",
        manual: false,
      },
      {},
      0,
    );
    assert.deepEqual([draft.kind, draft.engine, draft.task_id], [
      "schedule.run_completed",
      "croner",
      "r",
    ]);
    assert.deepEqual(draft.data, {
      schedule: "n",
      schedule_key: "k",
      task_name: "t",
      manual: false,
      outcome: "failure",
      runtime_ms: 1,
      exception: "E",
    });
  });

  it("groupableStack() adds frames with the most recent call last", () => {
    const stack = "Error: x\n    at inner (file:///app/a.ts:3:9)\n    at async /app/b.ts:7:1";
    assert.ok(
      groupableStack(stack).endsWith(
        'Traceback (most recent call last):\n  File "/app/b.ts", line 7, in <anonymous>\n' +
          '  File "file:///app/a.ts", line 3, in inner',
      ),
    );
    assert.equal(groupableStack("no frames here"), "no frames here");
  });
});

describe("utf8Length()", () => {
  it("agrees with the encoder", () => {
    for (const text of ["", "abc", "é", "€", "😀", "a😀é€z", "\ud83d\ude00".repeat(50)]) {
      assert.equal(utf8Length(text), new TextEncoder().encode(text).length);
    }
  });
});

describe("claimProcess()", () => {
  it("stops the agent before, also one of an older copy that fails", async () => {
    const stopped: string[] = [];
    const make = (name: string) => ({
      stop(): Promise<void> {
        stopped.push(name);
        return name === "b" ? Promise.reject(new Error("old copy")) : Promise.resolve();
      },
    });
    const [a, b, c] = [make("a"), make("b"), make("c")];
    await claimProcess("unit", a);
    await claimProcess("unit", a);
    await claimProcess("unit", b);
    await claimProcess("unit", c);
    assert.deepEqual(stopped, ["a", "b"]);
    releaseProcess("unit", a);
    assert.equal(runningAgent("unit"), c);
    releaseProcess("unit", c);
    assert.equal(runningAgent("unit"), undefined);
  });
});

describe("TRANSITIONS", () => {
  it("leads from every state to stopped and never back to itself", () => {
    const states = Object.keys(TRANSITIONS) as AgentState[];
    for (const state of states) {
      const seen = new Set<AgentState>([state]);
      for (const reached of seen) TRANSITIONS[reached].forEach((next) => seen.add(next));
      assert.ok(seen.has("stopped"), state);
      assert.equal(canChange(state, state), false);
    }
  });
});
