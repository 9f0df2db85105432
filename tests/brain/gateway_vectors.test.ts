import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { type BrainParts, openBrainParts } from "../../src/brain/core.ts";
import { createGateway } from "../../src/brain/gateway.ts";
import { createOperator } from "../../src/brain/operator.ts";
import { decodeHmacSecret, importHmacKey } from "../../src/protocol/hmac.ts";
import { parseTimestampMs } from "../../src/protocol/timestamps.ts";
import { helloPayload, RecordingSocket, until } from "../_support/brain_peer.ts";

interface SessionCase {
  readonly name: string;
  readonly secret_b64url: string;
  readonly agent_id: string;
  readonly project_id: string;
  readonly session_id: string;
}

interface FrameCase extends SessionCase {
  readonly direction: string;
  readonly frame_text: string;
  readonly signed?: boolean;
  readonly valid: boolean;
  readonly now: string;
  readonly brain_ws_close?: number | null;
}

interface ReplayStep {
  readonly now: string;
  readonly monotonic_seconds: number;
  readonly frame_text: string;
  readonly expect: "accept" | "reject";
}

interface ReplayCase extends SessionCase {
  readonly steps?: readonly ReplayStep[];
}

function casesOf<T>(name: string): readonly T[] {
  const path = new URL(`../vectors/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as { cases: readonly T[] }).cases;
}

/** Unix milliseconds with their fraction; `Date.parse` would drop microseconds. */
function momentMs(text: string): number {
  const moment = parseTimestampMs(text);
  if (moment === null) throw new Error(`the vector's time ${text} is malformed`);
  return moment;
}

/** A clock whose readings are set by hand; its timers are real. */
class HandClock implements Clock {
  nowMs = 0;
  monotonicMs = 0;
  readonly setTimer = systemClock.setTimer;
  now(): number {
    return this.nowMs;
  }
  monotonic(): number {
    return this.monotonicMs;
  }
}

describe("Gateway", () => {
  const clock = new HandClock();
  let parts: BrainParts;
  before(async () => {
    parts = await openBrainParts({ path: ":memory:", clock, limits: { idleTimeoutMs: 1e9 } });
    const project = createOperator(parts).createProject("default", "Default");
    await createOperator(parts).mintAgent(project.id, "web");
  });
  after(() => parts.context.db.close());

  /** A session with the ids and the key of a case. */
  async function session(one: SessionCase) {
    const random = { ...parts.context.random, uuid: () => one.session_id };
    const gateway = createGateway({
      ...parts,
      context: { ...parts.context, random },
      identify: () =>
        Promise.resolve({
          agent: 1,
          agentId: one.agent_id,
          project: 1,
          projectId: one.project_id,
          projectSlug: "default",
        }),
      whyRefused: () => Promise.resolve("unknown"),
      projectKey: () => importHmacKey(decodeHmacSecret(one.secret_b64url)),
    });
    const socket = new RecordingSocket();
    const handlers = gateway.accept({ authorization: "Bearer t", remoteAddress: one.name });
    handlers.open(socket);
    const payload = helloPayload();
    handlers.message(JSON.stringify({ v: 2, type: "hello", id: "h", payload }));
    await until(() => socket.sent.length > 0, "hello_ack");
    return { socket, handlers };
  }

  /** Whatever the frame did has happened once a later task ran and the queue is idle. */
  async function settled(socket: RecordingSocket): Promise<number | null> {
    for (let turn = 0; turn < 8 && socket.closeCode === null; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return socket.closeCode;
  }

  it("accept() does what the reference does with every signed frame", async () => {
    const cases = casesOf<FrameCase>("frames").filter((one) =>
      one.direction === "agent->brain" && one.brain_ws_close !== undefined
    );
    assert.ok(cases.length > 70);
    for (const one of cases) {
      clock.nowMs = momentMs(one.now);
      const { socket, handlers } = await session(one);
      handlers.message(one.frame_text);
      assert.equal(await settled(socket), one.brain_ws_close, one.name);
      handlers.closed(1000);
    }
  });

  it("accept() keeps a session open exactly while the replay rules hold", async () => {
    const cases = casesOf<ReplayCase>("replay").filter((one) => one.steps !== undefined);
    assert.ok(cases.length > 10);
    for (const one of cases) {
      const steps = one.steps ?? [];
      const [first] = steps;
      clock.nowMs = momentMs(first?.now ?? "");
      clock.monotonicMs = (first?.monotonic_seconds ?? 0) * 1000;
      const { socket, handlers } = await session(one);
      for (const [index, step] of steps.entries()) {
        clock.nowMs = momentMs(step.now);
        clock.monotonicMs = step.monotonic_seconds * 1000;
        handlers.message(step.frame_text);
        const code = await settled(socket);
        assert.equal(code, step.expect === "accept" ? null : 4403, `${one.name} step ${index}`);
        if (code !== null) break;
      }
      handlers.closed(1000);
    }
  });
});
