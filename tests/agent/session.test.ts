/** A session whose parts fail it, and a loop whose transport does. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createFailureLog } from "../../src/agent/failure_log.ts";
import { createOnceLogger } from "../../src/agent/guard.ts";
import { createOutbox, type Outbox } from "../../src/agent/outbox.ts";
import { createPump, type Pump } from "../../src/agent/pump.ts";
import {
  type ConnectionChange,
  createReconciler,
  type ReconcileParts,
} from "../../src/agent/reconcile.ts";
import { type AgentSession, createSession } from "../../src/agent/session.ts";
import { fatalErrorEnd, refusedMessageEnd } from "../../src/agent/session_end.ts";
import { noopLogger } from "../../src/base/logger.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { encodeCanonical } from "../../src/protocol/canonical_json.ts";
import { importHmacKey } from "../../src/protocol/hmac.ts";
import { createFrameSigner, type FrameSigner } from "../../src/protocol/signing.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake_clock.ts";
import type {
  OpenOutcome,
  SessionEnd,
  SessionTerms,
  TransportSession,
} from "../../src/transport/port.ts";
import {
  keepingLogger,
  memoryBuffer,
  SECRET,
  SESSION_TERMS,
  until,
} from "../_support/agent_rig.ts";

const BROKEN: SessionEnd = { class: "connection", code: 1012, advice: "because" };
const TERMS: SessionTerms = { ...SESSION_TERMS, clockOffsetMs: null };

interface Rig {
  readonly session: AgentSession;
  readonly pump: Pump;
  readonly outbox: Outbox;
  readonly clock: FakeClock;
  readonly logger: ReturnType<typeof keepingLogger>;
  readonly refused: string[];
  readonly sent: JsonObject[];
  /** Signs as the brain does. */
  readonly brain: FrameSigner;
  run(): Promise<SessionEnd>;
  /** Takes a frame from the brain. */
  take(type: "error" | "command", id: string, payload: JsonObject): Promise<void>;
}

async function rig(): Promise<Rig> {
  const [clock, logger] = [createFakeClock(), keepingLogger()];
  const key = await importHmacKey(SECRET);
  const outbox = createOutbox(clock, () => session.wake());
  const pump = createPump({ buffer: memoryBuffer(), clock, logger });
  const refused: string[] = [];
  const sent: JsonObject[] = [];
  const session: AgentSession = createSession({
    ...{ key, clock, pump, outbox, logger },
    notices: createOnceLogger(logger),
    command() {},
    healthy() {},
    verified() {},
    refused: (reason) => void refused.push(reason),
  });
  const brain = createFrameSigner({ key, identity: TERMS.identity, clock });
  return {
    ...{ session, pump, outbox, clock, logger, refused, sent, brain },
    run: () =>
      session.run({
        terms: TERMS,
        send: (text) => sent.push(JSON.parse(text)) > 0,
        bufferedBytes: () => 0,
        close: () => Promise.resolve(),
      }),
    async take(type, id, payload) {
      const payloadText = encodeCanonical(payload);
      session.handlers.message(await brain.sign({ type, id, payloadText }));
    },
  };
}

const told = (of: Rig, message: string): number =>
  of.logger.lines.filter((line) => line.message === message).length;

describe("createSession()", () => {
  it("drops a frame that is larger than the brain's limit, and goes on", async () => {
    const of = await rig();
    const running = of.run();
    const payloadText = `{"x":"${"y".repeat(5000)}"}`;
    of.outbox.push({ type: "heartbeat", id: "large", payloadText, expiresAtMs: null });
    of.outbox.push({ type: "heartbeat", id: "small", payloadText: "{}", expiresAtMs: null });
    await until("the small one", () => of.sent.some(({ id }) => id === "small"));
    assert.ok(!of.sent.some(({ id }) => id === "large"));
    assert.equal(told(of, "frame dropped: larger than the brain's limit"), 1);
    of.session.end(BROKEN);
    await running;
  });

  it("tells a stream whose publication went nowhere", async () => {
    const of = await rig();
    const running = of.run();
    await until("the first frame", () => of.sent.length === 1);
    assert.equal(await of.pump.publish([`{"x":"${"y".repeat(5000)}"}`]), "lost");
    // Signed too late: the session ends meanwhile.
    const publication = of.pump.publish(['{"x":1}']);
    const next = of.pump.next.bind(of.pump);
    of.pump.next = async () => {
      const batch = await next();
      of.session.end(BROKEN);
      return batch;
    };
    of.session.wake();
    assert.equal(await publication, "lost");
    await running;
    assert.equal(of.sent.length, 1);
  });

  it("ends, and says so, when a part of this agent fails it", async () => {
    const of = await rig();
    of.pump.next = () => Promise.reject(new Error("no such column"));
    const end = await of.run();
    assert.equal(end.class, "protocol");
    assert.match(end.advice, /failed inside this agent: no such column/);
    assert.equal(told(of, "session failed inside the agent"), 1);
  });

  it("judges no message that it reads after its end", async () => {
    const of = await rig();
    of.session.handlers.message("no frame");
    const running = of.run();
    of.session.end(BROKEN);
    of.session.handlers.message("x".repeat(9_000_000));
    await running;
    assert.deepEqual(of.refused, []);
    const other = await rig();
    other.session.handlers.message("no frame");
    const alive = other.run();
    await until("the refusal", () => other.refused.length === 1);
    other.session.end(BROKEN);
    await alive;
  });

  it("ends with a fatal error of the brain alone", async () => {
    const of = await rig();
    const running = of.run();
    let isOver = false;
    void running.then(() => isOver = true);
    await of.take("error", "e1", { code: "busy", message: "later", fatal: false });
    await of.take("error", "e2", { code: "scheduler_upgrade_required", fatal: false });
    await until("both", () => told(of, "the brain reports an error") === 2);
    assert.equal(isOver, false);
    await of.take("error", "e3", { code: "agent_incompatible", fatal: true });
    const end = await running;
    assert.deepEqual([end.class, end.code], ["incompatible", null]);
    assert.match(end.advice, /agent_incompatible; upgrade this agent or the brain/);
  });

  it("gives the one batch up that the brain refused, and stays open", async () => {
    const of = await rig();
    const running = of.run();
    await until("the first frame", () => of.sent.length === 1);
    const publication = of.pump.publish(['{"x":1}']);
    await until("the batch", () => of.sent.length === 2);
    const code = "scheduler_upgrade_required";
    await of.take("error", `err_${of.sent[1]?.["id"]}`, { code, fatal: true });
    assert.equal(await publication, "lost");
    of.outbox.push({ type: "heartbeat", id: "on", payloadText: "{}", expiresAtMs: null });
    await until("the next frame", () => of.sent.some(({ id }) => id === "on"));
    of.session.end(BROKEN);
    await running;
  });
});

describe("the end of a session", () => {
  it("names the clock where the brain's is not known, and the code that is not", () => {
    const end = refusedMessageEnd("clock_skew", { clockOffsetMs: null, verified: true });
    assert.deepEqual([end.class, end.code], ["auth", 4403]);
    assert.match(end.advice, /the clocks of this machine and of the brain differ/);
    const other = fatalErrorEnd("out_of_cheese");
    assert.equal(other.class, "protocol");
    assert.match(other.advice, /the error out_of_cheese$/);
  });
});

/** A loop whose sessions end when they are told to, after `lastsMs` otherwise. */
function loop(open: (signal: AbortSignal) => Promise<OpenOutcome>, end = BROKEN, lastsMs = 0) {
  const clock = createFakeClock();
  const changes: ConnectionChange[] = [];
  let displacements = 0;
  const reconciler = createReconciler({
    transport: { name: "websocket", open: (_hello, _handlers, signal) => open(signal) },
    clock,
    failures: createFailureLog(noopLogger),
    random: () => 1,
    hello: () => Promise.resolve({} as Awaited<ReturnType<ReconcileParts["hello"]>>),
    createSession: () => ({
      handlers: { message() {}, ended() {} },
      verified: true,
      run: () => new Promise((resolve) => clock.setTimer(() => resolve(end), lastsMs)),
      wake() {},
      end() {},
    }),
    progress: () => 0,
    displaced: () => void displacements++,
    changed: (change) => void changes.push(change),
  });
  return {
    clock,
    reconciler,
    kinds: () => changes.map(({ kind }) => kind),
    changes,
    displacements: () => displacements,
  };
}

describe("createReconciler()", () => {
  it("waits after a transport that throws, as after one that refuses", async () => {
    const of = loop(() => Promise.reject(new Error("no sockets here")));
    of.reconciler.start();
    await of.clock.advanceAsync(0);
    const [, waiting] = of.changes;
    assert.ok(waiting?.kind === "waiting");
    assert.equal(waiting.end.advice, "the transport failed: no sockets here");
    of.reconciler.retryNow();
    await of.clock.advanceAsync(0);
    assert.deepEqual(of.kinds(), ["connecting", "waiting", "connecting", "waiting"]);
    await of.reconciler.stop();
    assert.equal(of.clock.timerCount, 0);
  });

  it("closes a session that opened although it was stopped, and tells nobody", async () => {
    let closed = 0;
    const session = {
      close() {
        closed++;
        return Promise.resolve();
      },
    } as TransportSession;
    const of = loop((signal) =>
      new Promise((resolve) =>
        signal.addEventListener("abort", () => resolve({ kind: "open", session }))
      )
    );
    of.reconciler.renew(); // there is no session yet
    of.reconciler.start();
    await of.clock.advanceAsync(0);
    await of.reconciler.stop();
    assert.equal(closed, 1);
    assert.deepEqual(of.kinds(), ["connecting"]);
    of.reconciler.retryNow();
  });

  it("forgets a displacement after ten quiet minutes", async () => {
    const open = () =>
      Promise.resolve({ kind: "open", session: { terms: TERMS } as TransportSession } as const);
    const displaced: SessionEnd = { ...BROKEN, code: 4002 };
    const run = async (lastsMs: number): Promise<number> => {
      const of = loop(open, displaced, lastsMs);
      of.reconciler.start();
      await of.clock.advanceAsync(2 * (lastsMs + 60_000));
      assert.ok(of.kinds().filter((kind) => kind === "ended").length >= 2);
      return of.displacements();
    };
    assert.ok(await run(60_000) > 0);
    assert.equal(await run(600_000), 0);
  });
});
