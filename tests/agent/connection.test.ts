import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createFailureLog } from "../../src/agent/failure_log.ts";
import { createOnceLogger } from "../../src/agent/guard.ts";
import { MAX_INBOUND_BYTES, MAX_INBOX_MESSAGES, MAX_SOCKET_BYTES } from "../../src/agent/limits.ts";
import { createOutbox, type Outbox } from "../../src/agent/outbox.ts";
import { createPoisonWatch } from "../../src/agent/poison.ts";
import { createPump, type Pump } from "../../src/agent/pump.ts";
import { createReconciler } from "../../src/agent/reconcile.ts";
import { retryDelayMs } from "../../src/agent/retry_policy.ts";
import { type AgentSession, createSession } from "../../src/agent/session.ts";
import { refusedMessageEnd, sessionEnd } from "../../src/agent/session_end.ts";
import { noopLogger } from "../../src/base/logger.ts";
import type { StoredEntry } from "../../src/buffer/port.ts";
import { importHmacKey } from "../../src/protocol/hmac.ts";
import { onHangupSignal } from "../../src/platform/hangup_signal.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake_clock.ts";
import { memoryBuffer, SECRET, until } from "../_support/agent_rig.ts";
import type { SessionEnd, Transport, TransportSession } from "../../src/transport/port.ts";

const BROKEN: SessionEnd = { class: "connection", code: 1012, advice: "because" };

interface Course {
  /** How long the session lasts. */
  readonly lastsMs: number;
  /** Whether the brain acknowledges a frame. */
  readonly acks: boolean;
  readonly end: SessionEnd;
}

interface LoopRig {
  readonly waits: number[];
  readonly displacements: number;
  /** Runs sessions one after the other. */
  run(courses: readonly Course[]): Promise<void>;
}

/** A loop with the greatest jitter, so that waits are the ceilings. */
function loopRig(): LoopRig {
  const clock = createFakeClock();
  const failures = createFailureLog(noopLogger);
  const waits: number[] = [];
  let displacements = 0;
  let current: Course = { lastsMs: 0, acks: false, end: BROKEN };
  const session = (): AgentSession => ({
    handlers: { message() {}, ended() {} },
    get verified() {
      return current.acks;
    },
    run: () =>
      new Promise((resolve) => {
        if (current.acks) failures.recovered();
        clock.setTimer(() => resolve(current.end), current.lastsMs);
      }),
    wake() {},
    end() {},
  });
  const transport: Transport = {
    name: "websocket",
    open: () => Promise.resolve({ kind: "open", session: { terms: {} } as TransportSession }),
  };
  const loop = createReconciler({
    transport,
    clock,
    failures,
    random: () => 1,
    hello: () => ({}) as ReturnType<Parameters<typeof createReconciler>[0]["hello"]>,
    createSession: session,
    progress: () => 0,
    displaced: () => void displacements++,
    changed(change) {
      if (change.kind === "waiting") waits.push(change.retryAtMs - clock.now());
    },
  });
  return {
    waits,
    get displacements() {
      return displacements;
    },
    async run(courses) {
      for (const course of courses) {
        current = course;
        if (waits.length === 0) loop.start();
        else await clock.advanceAsync(waits.at(-1) ?? 0);
        await clock.advanceAsync(course.lastsMs);
      }
    },
  };
}

/** The same loop, whose code of sessions is missing for the first dials. */
async function loopWithoutCode(missing: number): Promise<readonly string[]> {
  const clock = createFakeClock();
  const seen: string[] = [];
  let dials = 0;
  const loop = createReconciler({
    transport: {
      name: "websocket",
      open: () => Promise.resolve({ kind: "open", session: { terms: {} } as TransportSession }),
    },
    clock,
    failures: createFailureLog(noopLogger),
    random: () => 1,
    hello: () => ({}) as ReturnType<Parameters<typeof createReconciler>[0]["hello"]>,
    createSession() {
      if (dials++ < missing) return Promise.reject(new Error("no such file"));
      return {
        handlers: { message() {}, ended() {} },
        verified: true,
        run: () => new Promise(() => {}),
        wake() {},
        end() {},
      };
    },
    progress: () => 0,
    displaced() {},
    changed: (change) =>
      void seen.push(change.kind === "waiting" ? `waiting: ${change.end.advice}` : change.kind),
  });
  loop.start();
  for (let n = 0; n < missing; n++) await clock.advanceAsync(30_000);
  await clock.advanceAsync(0);
  return seen;
}

function times(count: number, course: Course): readonly Course[] {
  return Array.from({ length: count }, () => ({ ...course }));
}

describe("createReconciler()", () => {
  it("dials again when the code of a session cannot be read", async () => {
    const waiting = "waiting: the code of a session cannot be read: no such file";
    assert.deepEqual(
      await loopWithoutCode(2),
      ["connecting", waiting, "connecting", waiting, "connecting", "connected"],
    );
  });

  it("waits longer each time while sessions open but nothing is acknowledged", async () => {
    const rig = loopRig();
    await rig.run(times(7, { lastsMs: 100, acks: false, end: BROKEN }));
    assert.deepEqual(rig.waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it("begins again after an acknowledged frame, yet not for ever", async () => {
    const rig = loopRig();
    await rig.run(times(7, { lastsMs: 100, acks: true, end: BROKEN }));
    assert.deepEqual(rig.waits, [1000, 1000, 1000, 1000, 2000, 4000, 8000]);
  });

  it("begins again after 30 s of session", async () => {
    const rig = loopRig();
    const short = times(4, { lastsMs: 100, acks: false, end: BROKEN });
    const idle: SessionEnd = { ...BROKEN, code: 4408 };
    await rig.run([...short, { lastsMs: 30_000, acks: false, end: idle }]);
    assert.deepEqual(rig.waits, [1000, 2000, 4000, 8000, 1000]);
    const almost = loopRig();
    await almost.run([...short, { lastsMs: 29_000, acks: false, end: BROKEN }]);
    assert.equal(almost.waits.at(-1), 16_000);
  });

  it("spreads the return over 10 s when a session that worked falls with its brain", async () => {
    for (const code of [1001, 1006, 1012, null]) {
      const rig = loopRig();
      const end: SessionEnd = { ...BROKEN, code };
      await rig.run([{ lastsMs: 1000, acks: true, end }]);
      assert.deepEqual(rig.waits, [10_000]);
      const silent = loopRig();
      await silent.run([{ lastsMs: 1000, acks: false, end }]);
      assert.deepEqual(silent.waits, [1000]);
    }
    // 200 agents: no second of the 10 sees more than a fifth of them.
    const seconds = new Map<number, number>();
    for (let agent = 0; agent < 200; agent++) {
      const second = Math.floor(retryDelayMs(BROKEN, 1, agent / 200, true) / 1000);
      seconds.set(second, (seconds.get(second) ?? 0) + 1);
    }
    assert.ok(Math.max(...seconds.values()) <= 40);
  });

  it("notices a duel about its worker id even over sessions of minutes", async () => {
    const rig = loopRig();
    const end: SessionEnd = { ...BROKEN, code: 4002 };
    await rig.run(times(3, { lastsMs: 120_000, acks: true, end }));
    assert.deepEqual(rig.waits, [10_000, 20_000, 40_000]);
    assert.ok(rig.displacements >= 1);
  });
});

interface SessionRig {
  readonly sent: string[];
  readonly outbox: Outbox;
  readonly session: AgentSession;
  waitingBytes: number;
  /** How often the session said that the brain works. */
  proofs: number;
  readonly pump: Pump;
  readonly clock: FakeClock;
  /** Why messages were refused. */
  readonly refused: string[];
  /** Whether the socket refuses frames. */
  isFull: boolean;
}

async function sessionRig(): Promise<SessionRig> {
  const clock = createFakeClock();
  const buffer = memoryBuffer();
  for (let n = 0; n < 3; n++) {
    buffer.push({ text: `{"n":${n}}`, bytes: 7, kind: "task.started", class: "progress" });
  }
  await buffer.settled();
  const outbox = createOutbox(clock, () => session.wake());
  const notices = createOnceLogger(noopLogger);
  const pump = createPump({ buffer, clock, logger: noopLogger });
  const session: AgentSession = createSession({
    key: await importHmacKey(SECRET),
    clock,
    pump,
    outbox,
    logger: noopLogger,
    notices,
    command() {},
    healthy: () => void rig.proofs++,
    verified() {},
    refused: (reason) => void rig.refused.push(reason),
  });
  const rig: SessionRig = {
    sent: [],
    outbox,
    session,
    waitingBytes: 0,
    proofs: 0,
    pump,
    clock,
    refused: [],
    isFull: false,
  };
  return rig;
}

function runSession(rig: SessionRig): Promise<SessionEnd> {
  return rig.session.run({
    terms: {
      identity: { agentId: "a", projectId: "p", sessionId: "s" },
      brainVersion: "1",
      heartbeatIntervalMs: 10_000,
      maxFrameBytes: 65_536,
      clockOffsetMs: 0,
    },
    send(text) {
      if (rig.isFull) return false;
      rig.sent.push(String((JSON.parse(text) as { type: unknown }).type));
      return true;
    },
    bufferedBytes: () => rig.waitingBytes,
    close: () => Promise.resolve(),
  });
}

const RESULT = { type: "command_result", id: "c", payloadText: "{}", expiresAtMs: 1e9 } as const;

describe("createSession()", () => {
  it("says that the brain works after an acknowledgement, not after the handshake", async () => {
    const rig = await sessionRig();
    const acked: string[] = [];
    const { pump } = rig;
    const sent = pump.sent.bind(pump);
    pump.sent = (batch) => {
      acked.push(batch.id);
      sent(batch);
    };
    const running = runSession(rig);
    await until("batches", () => acked.length === 2);
    assert.equal(rig.proofs, 0);
    for (const id of acked) pump.acked(id);
    assert.equal(rig.proofs, 1);
    rig.session.end(BROKEN);
    await running;
  });

  it("sends control frames before all events", async () => {
    const rig = await sessionRig();
    rig.outbox.push(RESULT);
    rig.outbox.push(RESULT);
    const running = runSession(rig);
    await until("batches", () => rig.sent.length === 4);
    assert.deepEqual(rig.sent, [
      "command_result",
      "command_result",
      "event_batch",
      "event_batch",
    ]);
    rig.session.end(BROKEN);
    await running;
  });

  it("leaves room in a full socket for control frames", async () => {
    const rig = await sessionRig();
    rig.waitingBytes = 600 * 1024;
    rig.outbox.push(RESULT);
    const running = runSession(rig);
    await until("the first answer", () => rig.sent.length === 1);
    assert.deepEqual(rig.sent, ["command_result"]);
    rig.outbox.push(RESULT);
    rig.clock.advance(100);
    await until("the second answer", () => rig.sent.length === 2);
    for (let turn = 0; turn < 20; turn++) await new Promise((done) => setTimeout(done, 0));
    assert.deepEqual(rig.sent, ["command_result", "command_result"]);
    rig.session.end(BROKEN);
    await running;
  });
});

describe("the bounds of a session", () => {
  it("ends when the brain sends more than can be read", async () => {
    const rig = await sessionRig();
    for (let n = 0; n <= MAX_INBOX_MESSAGES; n++) rig.session.handlers.message("{}");
    const end = await runSession(rig);
    assert.equal(end.class, "protocol");
    assert.match(end.advice, /sends more than this agent can read/);
  });

  it("refuses a message that is larger than any frame, and goes on", async () => {
    const rig = await sessionRig();
    const running = runSession(rig);
    rig.session.handlers.message("x".repeat(MAX_INBOUND_BYTES + 1));
    assert.deepEqual(rig.refused, ["oversized"]);
    await until("a batch all the same", () => rig.sent.length > 0);
    rig.session.end(BROKEN);
    await running;
  });

  it("ends when the network takes nothing for a minute", async () => {
    const rig = await sessionRig();
    rig.waitingBytes = MAX_SOCKET_BYTES + 2;
    const running = runSession(rig);
    let ended = false;
    void running.then(() => ended = true);
    for (let second = 0; second < 59; second++) {
      rig.clock.advance(1000);
      await new Promise((done) => setTimeout(done, 0));
    }
    assert.equal(ended, false);
    rig.waitingBytes--;
    for (let second = 0; second < 59; second++) {
      rig.clock.advance(1000);
      await new Promise((done) => setTimeout(done, 0));
    }
    assert.equal(ended, false, "something was taken meanwhile");
    for (let second = 0; second < 3; second++) {
      rig.clock.advance(1000);
      await new Promise((done) => setTimeout(done, 0));
    }
    assert.match((await running).advice, /took nothing for a minute/);
    assert.deepEqual(rig.sent, []);
  });

  it("ends when the socket takes no more frames", async () => {
    const rig = await sessionRig();
    rig.isFull = true;
    assert.match((await runSession(rig)).advice, /takes no more frames/);
  });
});

describe("sessionEnd()", () => {
  const refused: SessionEnd = { class: "connection", code: 4403, advice: "" };

  it("blames the clock beyond 60 s, otherwise the secret", () => {
    const advice = (clockOffsetMs: number | null, verified = false): string => {
      const end = sessionEnd(refused, { clockOffsetMs, verified });
      assert.equal(end.class, "auth");
      return end.advice;
    };
    assert.match(advice(61_000), /61 s behind the brain/);
    assert.match(advice(-61_000), /61 s ahead of the brain/);
    assert.match(advice(60_000), /HMAC secret is not that of the project/);
    assert.match(advice(null), /HMAC secret is not that of the project/);
    assert.match(advice(0, true), /was changed/);
  });

  it("refusedMessageEnd() never blames the secret for a repeated frame", () => {
    const facts = { clockOffsetMs: 0, verified: true };
    for (const reason of ["stale_seq", "reused_nonce"] as const) {
      const end = refusedMessageEnd(reason, facts);
      assert.equal(end.class, "protocol");
      assert.doesNotMatch(end.advice, /secret/);
    }
    assert.match(refusedMessageEnd("clock_skew", facts).advice, /clocks/);
    const unproven = { ...facts, verified: false };
    assert.equal(refusedMessageEnd("bad_signature", unproven).class, "auth");
    assert.equal(refusedMessageEnd("bad_signature", facts).class, "protocol");
  });
});

describe("createPoisonWatch()", () => {
  const entry = (id: number): StoredEntry => ({ id, text: "{}", bytes: 2, kind: "k" });

  it("drops an event only after the brain took another one", () => {
    const watch = createPoisonWatch();
    watch.suspected(true);
    watch.proven();
    assert.deepEqual([1, 2, 3].map(() => watch.failed(entry(5), 0)), [
      "try_again",
      "try_again",
      "drop",
    ]);
  });

  it("holds one back without such proof and gives it a last try after it", () => {
    const watch = createPoisonWatch();
    watch.suspected(true);
    assert.deepEqual([1, 2, 3].map(() => watch.failed(entry(5), 0)).at(-1), "hold");
    assert.equal(watch.heldId, 5);
    assert.equal(watch.proven()?.id, 5);
    assert.deepEqual([watch.heldId, watch.trialId], [0, 5]);
    assert.equal(watch.failed(entry(5), 0), "drop");
  });

  it("blames the brain when two events in a row fail, and tries a held one again", () => {
    const watch = createPoisonWatch();
    watch.suspected(true);
    for (let n = 0; n < 3; n++) watch.failed(entry(5), 0);
    const verdicts = [1, 2, 3].map(() => watch.failed(entry(6), 0));
    assert.equal(verdicts.at(-1), "blame_brain");
    assert.equal(watch.heldId, 0);
    for (let n = 0; n < 3; n++) watch.failed(entry(5), 0);
    watch.begin(599_999);
    assert.equal(watch.heldId, 5);
    watch.begin(600_000);
    assert.equal(watch.heldId, 0);
  });
});

describe("onHangupSignal()", () => {
  it("listens only where no terminal can hang up, and until removed", () => {
    const handlers = new Set<() => void>();
    const target = {
      on: (_: "SIGHUP", handler: () => void) => handlers.add(handler),
      removeListener: (_: "SIGHUP", handler: () => void) => handlers.delete(handler),
    };
    let calls = 0;
    onHangupSignal(() => void calls++, target, () => true)();
    assert.equal(handlers.size, 0);
    const remove = onHangupSignal(
      () => {
        calls++;
        throw new Error("of the listener");
      },
      target,
      () => false,
    );
    for (const handler of handlers) handler();
    assert.equal(calls, 1);
    remove();
    assert.equal(handlers.size, 0);
  });
});
