/** What a heartbeat tells, and what becomes of engines and counts that make no sense. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createOnceLogger, guardCall } from "../../src/agent/guard.ts";
import { createHealthMonitor, type HealthMonitor } from "../../src/agent/health.ts";
import { createHeartbeat } from "../../src/agent/heartbeat.ts";
import { createLossLedger } from "../../src/agent/loss_ledger.ts";
import { createOldestAge } from "../../src/agent/oldest_age.ts";
import type { Engine, EngineHealth } from "../../src/engines/contract.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake_clock.ts";
import { keepingLogger, memoryBuffer } from "../_support/agent_rig.ts";

function engineOf(name: string, health: () => Promise<EngineHealth>): Engine {
  return { name, capabilities: [], attach() {}, detach() {}, actions: {}, health };
}

function monitorOf(...engines: readonly Engine[]): { monitor: HealthMonitor; clock: FakeClock } {
  const clock = createFakeClock();
  const monitor = createHealthMonitor({ engines, clock, redactor: createRedactor(), pid: 1 });
  return { monitor, clock };
}

describe("createHealthMonitor()", () => {
  it("keeps what an engine said last beside why it says nothing now, until it is old", async () => {
    let broken = true;
    const { monitor, clock } = monitorOf(engineOf("bull", () => {
      if (broken) return Promise.reject(new Error("connection refused"));
      return Promise.resolve({ brokerConnected: true, queueDepths: { mail: 3 } });
    }));
    await monitor.refresh();
    const first = monitor.report();
    assert.equal(first["bull.broker_connected"], "false");
    assert.equal(first["bull.broker_error"], "connection refused");
    assert.equal(first["bull.queue_depths"], undefined);
    broken = false;
    await monitor.refresh();
    assert.deepEqual(monitor.report(), {
      "bull.broker_connected": "true",
      "bull.queue_depths": '{"mail":3}',
    });
    broken = true;
    await monitor.refresh();
    assert.equal(monitor.report()["bull.broker_connected"], "false");
    assert.equal(monitor.report()["bull.queue_depths"], '{"mail":3}');
    clock.advance(3_600_000);
    const old = monitor.report();
    assert.equal(old["bull.queue_depths"], undefined);
    assert.equal(old["bull.broker_error"], "connection refused");
  });

  it("leaves out an engine that answers rubbish, and no other one", async () => {
    const rubbish = { workers: 7 } as unknown as EngineHealth;
    const { monitor } = monitorOf(
      engineOf("wrong", () => Promise.resolve(rubbish)),
      engineOf("null", () => Promise.resolve(null as unknown as EngineHealth)),
      engineOf("right", () => Promise.resolve({ brokerError: "slow", brokerType: "redis" })),
    );
    await monitor.refresh();
    assert.deepEqual(monitor.report(), {
      "right.broker_type": "redis",
      "right.broker_error": "slow",
    });
  });

  it("reports nothing that the redactor turned into something else", async () => {
    const monitor = createHealthMonitor({
      engines: [engineOf("bull", () => Promise.resolve({ brokerType: "redis" }))],
      clock: createFakeClock(),
      redactor: { redact: () => "text" },
      pid: 1,
    });
    await monitor.refresh();
    assert.deepEqual(monitor.report(), {});
  });

  it("names what workers have, in the words of the brain", async () => {
    const { monitor } = monitorOf(engineOf("bull", () =>
      Promise.resolve({
        workers: [
          { name: "w", active: ["mail:1"], queues: ["mail"], concurrency: 2, registered: ["send"] },
          { name: "v", active: [], queues: [], pid: 7, stats: { rss: 1 } },
        ],
      })));
    await monitor.refresh();
    assert.deepEqual(JSON.parse(monitor.report()["bull.worker_details"] ?? ""), {
      w: {
        stats: { pid: 1, pool: { "max-concurrency": 2 } },
        active: ["mail:1"],
        active_queues: [{ name: "mail" }],
        registered: ["send"],
      },
      v: { stats: { rss: 1, pid: 7 }, active: [], active_queues: [], registered: [] },
    });
  });

  it("does not wait for an engine that never answers, and says so", async () => {
    const { monitor, clock } = monitorOf(engineOf("slow", () => new Promise(() => {})));
    const refreshed = monitor.refresh();
    await clock.advanceAsync(60_000);
    await refreshed;
    assert.match(monitor.report()["slow.broker_error"] ?? "", /no answer within \d+ ms/);
  });
});

describe("createHeartbeat()", () => {
  it("sends nothing for a session that ended while the engines were asked", async () => {
    const clock = createFakeClock();
    let answer = (): void => {};
    let frames = 0;
    const heartbeat = createHeartbeat({
      clock,
      outbox: { push: () => ++frames > 0 },
      health: { refresh: () => new Promise((resolve) => answer = resolve), report: () => ({}) },
      facts: () => ({ buffer_size: 0, dropped_events: 0, telemetry_loss: null }),
      status: null,
      failed: (error) => assert.fail(String(error)),
    });
    heartbeat.start(10_000);
    heartbeat.stop();
    answer();
    await clock.advanceAsync(60_000);
    assert.equal(frames, 0);
    assert.equal(clock.timerCount, 0);
  });

  it("tells about a heartbeat that cannot be built, and goes on", async () => {
    const clock = createFakeClock();
    const failures: string[] = [];
    const heartbeat = createHeartbeat({
      clock,
      outbox: { push: () => true },
      health: { refresh: () => Promise.resolve(), report: () => ({}) },
      facts: () => {
        throw new Error("no facts");
      },
      status: null,
      failed: (error) => void failures.push(String(error)),
    });
    heartbeat.start(10_000);
    await clock.advanceAsync(10_000);
    heartbeat.stop();
    assert.deepEqual(failures, ["Error: no facts", "Error: no facts"]);
  });
});

describe("guardCall()", () => {
  it("answers why foreign code gave nothing", async () => {
    const clock = createFakeClock();
    assert.deepEqual(await guardCall(clock, 50, () => 1), { ok: true, value: 1 });
    const slow = guardCall(clock, 50, () => new Promise(() => {}));
    await clock.advanceAsync(50);
    assert.deepEqual(await slow, { ok: false, error: "no answer within 50 ms" });
  });
});

describe("createOnceLogger()", () => {
  it("warns once per cause, and about no more causes than it can remember", () => {
    const logger = keepingLogger();
    const notices = createOnceLogger(logger);
    for (let n = 0; n < 300; n++) notices.warn(`cause ${n}`, {}, "trouble");
    notices.warn("cause 0", {}, "trouble");
    const count = (level: string) => logger.lines.filter((line) => line.level === level).length;
    assert.deepEqual([count("warn"), count("debug")], [200, 101]);
  });
});

describe("createLossLedger()", () => {
  const ledger = () => createLossLedger(memoryBuffer(), "runtime");

  it("counts what is a count", () => {
    const losses = ledger();
    for (const count of [0, -1, 1.5, NaN, Infinity, 2]) losses.lost("bull", count);
    assert.deepEqual(losses.bySource(), { bull: 2 });
    assert.equal(losses.total(), 2);
  });

  it("names no more sources than a brain takes, each within its length", () => {
    const losses = ledger();
    const long = "x".repeat(100);
    losses.lost(long, 1);
    for (let n = 0; n < 40; n++) losses.lost(`engine ${n}`, 1);
    // A name that was cut is known under what is left of it.
    losses.lost(long, 1);
    const sources = losses.telemetry().adapter_events;
    assert.deepEqual([sources?.["x".repeat(64)], sources?.["other"]], [2, 13]);
    assert.equal(Object.keys(sources ?? {}).length, 29);
    assert.equal(losses.total(), 42);
  });
});

describe("createOldestAge()", () => {
  it("reads when the event occurred, not what its inputs say", async () => {
    const clock = createFakeClock();
    const buffer = memoryBuffer();
    const occurred = new Date(clock.now() - 90_000).toISOString();
    const text = JSON.stringify({
      data: { kwargs: { occurred_at: "2001-01-01T00:00:00Z" } },
      occurred_at: occurred,
    });
    buffer.push({ text, bytes: text.length, kind: "task.started", class: "progress" });
    await buffer.settled();
    const oldest = createOldestAge(buffer, clock);
    assert.equal(oldest.seconds(), null);
    await clock.advanceAsync(0);
    assert.equal(oldest.seconds(), 90);
  });

  it("knows no age while the buffer cannot be read, or of what has no time", async () => {
    const clock = createFakeClock();
    const depth = () => ({ count: 1, bytes: 1 });
    const entry = { id: 1, text: '{"occurred_at":"soon"}', bytes: 1, kind: "k" };
    for (const read of [() => Promise.reject(new Error("no")), () => Promise.resolve([entry])]) {
      const oldest = createOldestAge({ depth, read }, clock);
      oldest.seconds();
      await clock.advanceAsync(0);
      assert.equal(oldest.seconds(), null);
    }
  });
});
