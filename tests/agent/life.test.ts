/** An agent before its start, after a failed one, and among parts that fail. */
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { Agent, AgentParts } from "../../src/agent/agent_types.ts";
import type { CarryOut } from "../../src/agent/neighbours.ts";
import { prometheusText } from "../../src/agent/prometheus.ts";
import { createPump } from "../../src/agent/pump.ts";
import { loadStreams, watchSchedulers } from "../../src/agent/runtime_wiring.ts";
import { claimProcess, isSuperseded, releaseProcess } from "../../src/agent/registry.ts";
import { createWorkTracker, NO_WORK } from "../../src/agent/work_contexts.ts";
import { systemClock } from "../../src/base/clock.ts";
import { isZ4jError } from "../../src/base/errors.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { createGroupedBuffer } from "../../src/buffer/grouped.ts";
import { createMemoryStore } from "../../src/buffer/memory.ts";
import type { WorkSource } from "../../src/base/work_context.ts";
import type { Engine, EngineSink, TaskEvent, WorkerEvent } from "../../src/engines/contract.ts";
import { createAsyncStore } from "../../src/platform/async_store.ts";
import { scheduleScope } from "../../src/protocol/external_schedule.ts";
import type { Scheduler, SchedulerSink } from "../../src/schedulers/contract.ts";
import type { FakeBrain } from "../../src/testing/fake_brain.ts";
import type { Transport } from "../../src/transport/port.ts";
import {
  agentParts,
  createRigAgent,
  keepingLogger,
  memoryBuffer,
  startTestBrain,
  until,
} from "../_support/agent_rig.ts";
import { received } from "../_support/command_rig.ts";

const NOTHING = { sent: 0, remaining: 0, timedOut: false };
const STARTED: TaskEvent = {
  kind: "task.started",
  taskId: "mail:1",
  occurredAtMs: 1_790_000_000_000,
  data: { taskName: "send" },
};

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function testBrain(): Promise<FakeBrain> {
  const brain = await startTestBrain();
  cleanups.push(() => brain.close());
  return brain;
}

function agentOf(url: string, more: Partial<AgentParts> = {}): Agent {
  const agent = createRigAgent(url, more);
  cleanups.push(() => agent.stop({ timeoutMs: 200 }));
  return agent;
}

const engineOf = (name: string, more: Partial<Engine> = {}): Engine => ({
  ...{ name, capabilities: [], attach() {}, detach() {}, actions: {} },
  ...more,
});

function framesOf(brain: FakeBrain, type: string): readonly JsonObject[] {
  return brain.frames.filter(({ frame }) => frame.type === type).map(({ frame }) => frame.payload);
}

/** A transport that refuses its first dials. */
function lateTransport(url: string, refusals: number): Transport {
  const { transport } = agentParts(url);
  let dials = 0;
  const end = { class: "connection", code: null, advice: "no route" } as const;
  return {
    name: "websocket",
    open: (hello, handlers, signal) =>
      dials++ < refusals
        ? Promise.resolve({ kind: "refused", end })
        : transport.open(hello, handlers, signal),
  };
}

describe("an agent that does not run", () => {
  it("cannot be waited for, has nothing to deliver, and may be stopped", async () => {
    const agent = agentOf("http://127.0.0.1:9");
    await assert.rejects(
      agent.ready({ timeoutMs: 50 }),
      (error) => isZ4jError(error) && error.code === "Z4J_AGENT_STATE",
    );
    assert.deepEqual(await agent.flush(), NOTHING);
    agent.reconnectNow();
    await agent[Symbol.asyncDispose]();
    assert.equal(agent.status().state, "stopped");
  });

  it("delivers nothing when its start fails meanwhile", async () => {
    for (const end of ["flush", "stop"] as const) {
      const agent = agentOf("http://127.0.0.1:9", {
        openBuffer: () => Promise.reject(new Error("no disk")),
      });
      const starting = agent.start();
      const report = agent[end]();
      await assert.rejects(starting, /no disk/);
      assert.deepEqual(await report, NOTHING);
      assert.equal(agent.status().state, "stopped");
    }
  });

  it("is waited for no longer than was allowed while nobody answers", async () => {
    const silent: Transport = {
      name: "websocket",
      open: (_hello, _handlers, signal) =>
        new Promise((resolve) =>
          signal.addEventListener(
            "abort",
            () =>
              resolve({ kind: "refused", end: { class: "connection", code: null, advice: "" } }),
          )
        ),
    };
    const agent = agentOf("http://127.0.0.1:9", { transport: silent });
    await agent.start();
    await assert.rejects(
      agent.ready({ timeoutMs: 30 }),
      (error) =>
        isZ4jError(error) && error.code === "Z4J_AGENT_TIMEOUT" &&
        error.message.includes("the brain has not answered yet"),
    );
  });
});

describe("an agent among parts that fail", () => {
  it("dials at once for a flush when only the network failed", async () => {
    const brain = await testBrain();
    const transport = lateTransport(brain.url, 1);
    const agent = agentOf(brain.url, { transport, random: () => 1 });
    await agent.start();
    await until("the refusal", () => agent.status().state === "waiting");
    agent.record("manual", STARTED);
    const report = await agent.flush();
    assert.deepEqual(report, { sent: 1, remaining: 0, timedOut: false });
    assert.equal(brain.stored.size, 1);
    await agent.ready();
    await agent.ready();
  });

  it("stops although its buffer cannot be closed", async () => {
    const buffer = memoryBuffer();
    buffer.close = () => Promise.reject(new Error("no disk"));
    const brain = await testBrain();
    const agent = agentOf(brain.url, { openBuffer: () => Promise.resolve(buffer) });
    await agent.start();
    await agent.ready();
    assert.deepEqual(await agent.stop(), NOTHING);
    assert.equal(agent.status().state, "stopped");
  });

  it("goes on without a heartbeat that it cannot build", async () => {
    const buffer = memoryBuffer();
    buffer.storedLosses = () => {
      throw new Error("no column");
    };
    const [brain, logger] = [await testBrain(), keepingLogger()];
    const openBuffer = () => Promise.resolve(buffer);
    const agent = agentOf(brain.url, { openBuffer, logger });
    await agent.start();
    await agent.ready();
    agent.record("manual", STARTED);
    await agent.flush();
    const told = (line: { message: string }): boolean =>
      line.message === "cannot build a heartbeat";
    await until("the notice", () => logger.lines.some(told));
    assert.deepEqual([brain.stored.size, framesOf(brain, "heartbeat").length], [1, 0]);
  });

  it("watches no scheduler when the code for it is missing, and says so", async () => {
    const logger = keepingLogger();
    const createStream = await loadStreams(logger, () => Promise.reject(new Error("no file")));
    const parts = agentParts("http://127.0.0.1:9", { schedulers: [schedulerOf()] });
    const context = { parts, logger, clock: systemClock, buffer: memoryBuffer(), createStream };
    const pump = createPump(context);
    assert.deepEqual(watchSchedulers(context, pump), []);
    assert.deepEqual(logger.lines.map(({ level, facts }) => [level, facts["error"]]), [
      ["error", "no file"],
    ]);
  });

  it("counts rubbish that a program records, and throws nothing", async () => {
    const brain = await testBrain();
    const agent = agentOf(brain.url);
    agent.record("manual", null as unknown as TaskEvent);
    await agent.start();
    agent.record("manual", "text" as unknown as TaskEvent);
    agent.record("manual", STARTED);
    await agent.flush();
    assert.equal(brain.stored.size, 1);
    assert.deepEqual(agent.status().lost, { recorder: 2 });
  });

  it("records without the facts of a context hook that throws, and warns once", async () => {
    const [brain, logger] = [await testBrain(), keepingLogger()];
    const context = (): never => {
      throw new Error("no request");
    };
    const agent = agentOf(brain.url, { context, logger });
    await agent.start();
    for (let n = 0; n < 2; n++) agent.record("manual", { ...STARTED, taskId: `mail:${n}` });
    await agent.flush();
    assert.equal(brain.stored.size, 2);
    const told = logger.lines.filter(({ message }) => message === "the context hook failed");
    assert.deepEqual(told.map(({ level }) => level), ["warn", "debug"]);
    const offline: WorkerEvent = { kind: "worker.offline", worker: "w", occurredAtMs: 0 };
    const { event } = agent.preview("manual", offline);
    assert.deepEqual((event["data"] as JsonObject)["context"], undefined);
  });

  it("tells each notice of an engine or scheduler once, with its name", async () => {
    const [brain, logger] = [await testBrain(), keepingLogger()];
    const notices = (sink: Pick<EngineSink | SchedulerSink, "notice">): void => {
      for (let n = 0; n < 2; n++) sink.notice({ queue: "mail" }, "cannot watch it all");
    };
    const agent = agentOf(brain.url, {
      engines: [engineOf("bull", { attach: notices })],
      schedulers: [schedulerOf(notices)],
      logger,
    });
    await agent.start();
    const told = logger.lines.filter(({ message }) => message === "cannot watch it all");
    assert.deepEqual(
      told.map(({ level, facts }) => `${level} ${facts["name"]} ${facts["queue"]}`).sort(),
      ["debug bull mail", "debug croner mail", "warn bull mail", "warn croner mail"],
    );
  });
});

describe("what an agent is told to do otherwise", () => {
  it("leaves the status frames out", async () => {
    const brain = await testBrain();
    const agent = agentOf(brain.url, { agentStatusDisabled: true });
    await agent.start();
    await until("a heartbeat", () => framesOf(brain, "heartbeat").length === 1);
    await agent.stop();
    assert.equal(framesOf(brain, "agent_status").length, 0);
  });

  it("announces its own inventory when the others cannot be asked, and dials anew", async () => {
    const brain = await testBrain();
    let renew = (): void => {};
    let carryOut: CarryOut | undefined;
    const agent = agentOf(brain.url, {
      announcer: {
        agree: () => Promise.reject(new Error("no home")),
        bind: (bound) => renew = bound,
        serve: (served) => carryOut = served,
        neighbours: () => Promise.resolve([]),
      },
    });
    await agent.start();
    await agent.ready();
    assert.deepEqual(brain.hellos[0]?.engines, []);
    renew();
    await until("the next dial", () => brain.hellos.length === 2);
    await agent.ready();
    // A command of a neighbour ends here; one of the brain might go on from here.
    const command = received("cancel_task", { task_id: "1", engine: "bull" });
    const answer = await carryOut?.({ ...command, id: crypto.randomUUID() });
    assert.equal(answer?.error, 'engine "bull" is not watched by this agent');
    const { target, parameters } = command;
    const id = await brain.command("cancel_task", { target, parameters });
    await until(
      "the answer",
      () => brain.frames.some(({ frame }) => frame.id === id && frame.type === "command_result"),
    );
    const results = framesOf(brain, "command_result");
    assert.match(String(results[0]?.["error"]), /nor by another process on this token/);
  });

  it("tells listeners and metrics about a request that failed", () => {
    const agent = agentOf("http://127.0.0.1:9");
    const seen: unknown[] = [];
    const remove = agent.on("requestFailed", ({ jobs }) => void seen.push(jobs));
    const context = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };
    const failure = { context, jobs: ["mail:1"], error: new Error("no") };
    agent.requestFailed(failure);
    remove();
    agent.requestFailed(failure);
    assert.deepEqual(seen, [["mail:1"]]);
    assert.equal(agent.metrics().requestFailures, 2);
  });

  it("prints what was lost in the buffer, and whether what waits is safe", async () => {
    const buffer = createGroupedBuffer({ store: createMemoryStore({ maxEvents: 2 }) });
    const agent = agentOf("http://127.0.0.1:9", { openBuffer: () => Promise.resolve(buffer) });
    await agent.start();
    for (let n = 0; n < 5; n++) agent.record("manual", { ...STARTED, taskId: `mail:${n}` });
    await buffer.settled();
    const { buffer: facts, ...status } = agent.status();
    assert.ok(facts !== null);
    const page = (durable: boolean): string => {
      const capabilities = { ...facts.capabilities, durable };
      return prometheusText({
        status: { ...status, buffer: { ...facts, capabilities } },
        metrics: agent.metrics(),
      });
    };
    const lost = 'events_lost_total{source="buffer",reason="capacity",kind="task.started"} 3\n';
    assert.ok(page(true).includes(lost));
    assert.match(page(true), /z4j_agent_buffer_durable 1\n/);
    assert.match(page(false), /z4j_agent_buffer_durable 0\n/);
    assert.match(page(true), /ack_latency_seconds_bucket\{le="0.001"\} 0\n/);
  });

  it("keeps what its streams must remember beside the events", async () => {
    const brain = await testBrain();
    const buffer = memoryBuffer();
    const agent = agentOf(brain.url, {
      openBuffer: () => Promise.resolve(buffer),
      schedulers: [schedulerOf()],
    });
    await agent.start();
    await agent.ready();
    const id = await brain.command("schedule.external.activate", {
      parameters: {
        scheduler: "croner",
        owner: "croner",
        source_scope: scheduleScope("croner"),
        stream_id: "stream",
        epoch_uuid: "epoch",
        epoch_number: 1,
        adapter_instance_id: "instance",
        stable_source: true,
      },
    });
    await until(
      "the answer",
      () => brain.frames.some(({ frame }) => frame.id === id && frame.type === "command_result"),
    );
    assert.equal(framesOf(brain, "command_result")[0]?.["status"], "success");
    assert.match(await buffer.getMeta("schedule.croner.epoch") ?? "", /"epoch_number":1/);
  });
});

describe("isSuperseded()", () => {
  it("looks at who runs under the name now", async () => {
    const stop = () => Promise.resolve();
    assert.equal(isSuperseded("life", 1), false);
    const agent = { stop, generation: 3 };
    await claimProcess("life", agent);
    assert.deepEqual([2, 3, 4].map((mine) => isSuperseded("life", mine)), [true, false, false]);
    releaseProcess("life", agent);
  });
});

describe("the work that an agent follows", () => {
  it("is none without a store", () => {
    const source: WorkSource = { read: () => assert.fail("nobody asks") };
    const work = () => NO_WORK.current();
    assert.equal(NO_WORK.run({ user: "u" }, work), undefined);
    assert.equal(NO_WORK.follow(source, work), undefined);
    assert.equal(NO_WORK.enter({ name: "n" }, undefined, work), undefined);
    NO_WORK.asked("mail:1");
    assert.deepEqual([NO_WORK.active(), NO_WORK.leave({ name: "n" })], [undefined, undefined]);
  });

  it("gets ids of its own where those of the work around are wrong", () => {
    const tracker = createWorkTracker(createAsyncStore<WorkSource>());
    assert.equal(tracker.active(), undefined);
    const source: WorkSource = { read: () => ({ traceId: "wrong", spanId: "wrong" }) };
    const context = tracker.follow(source, () => tracker.run({ user: "u" }, tracker.current));
    assert.match(context?.traceId ?? "", /^[0-9a-f]{32}$/);
    assert.match(context?.spanId ?? "", /^[0-9a-f]{16}$/);
  });
});

function schedulerOf(attach: (sink: SchedulerSink) => void = () => {}): Scheduler {
  return {
    name: "croner",
    capabilities: ["list"],
    attach,
    detach() {},
    list: () => [],
    actions: {},
  };
}
