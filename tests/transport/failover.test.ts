import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { createFailoverTransport } from "../../src/transport/failover.ts";
import { createLongPollTransport } from "../../src/transport/long_poll.ts";
import type {
  FailureClass,
  OpenOutcome,
  SessionEnd,
  SessionHandlers,
  Transport,
  TransportSession,
} from "../../src/transport/port.ts";
import { agentSocket } from "../_support/agent_socket.ts";
import { createWebSocketTransport } from "../../src/transport/websocket.ts";
import type { HelloPayload } from "../../src/protocol/frames.ts";
import { createFakeClock } from "../../src/testing/fake_clock.ts";
import { startOpenBrain, startStrippingProxy } from "../_support/network_peers.ts";
import { until } from "../_support/wait.ts";

const HELLO: HelloPayload = {
  protocol_version: "2",
  agent_version: "1",
  framework: "bare",
  engines: [],
  schedulers: [],
  capabilities: {},
  host: {},
};

const never = new AbortController().signal;
const refused = (of: FailureClass, code: number | null): SessionEnd => ({
  class: of,
  code,
  advice: `${of} ${code}`,
});

/** A transport whose refusals the test decides. */
class Scripted implements Transport {
  readonly name: Transport["name"];
  refusal: SessionEnd | null = null;
  opened = 0;
  closed = 0;
  handlers: SessionHandlers | undefined;

  constructor(name: Transport["name"]) {
    this.name = name;
  }

  open(_hello: HelloPayload, handlers: SessionHandlers): Promise<OpenOutcome> {
    this.opened++;
    if (this.refusal !== null) return Promise.resolve({ kind: "refused", end: this.refusal });
    this.handlers = handlers;
    const session: TransportSession = {
      terms: {
        identity: { agentId: "a", projectId: "p", sessionId: `${this.name} ${this.opened}` },
        brainVersion: "1",
        heartbeatIntervalMs: 10_000,
        maxFrameBytes: 8192,
        clockOffsetMs: 0,
      },
      send: () => true,
      bufferedBytes: () => 0,
      close: () => {
        this.closed++;
        return Promise.resolve();
      },
    };
    return Promise.resolve({ kind: "open", session });
  }
}

class Owner implements SessionHandlers {
  readonly messages: string[] = [];
  readonly ends: SessionEnd[] = [];
  message(data: string | Uint8Array): void {
    this.messages.push(String(data));
  }
  ended(end: SessionEnd): void {
    this.ends.push(end);
  }
}

function rig() {
  const first = new Scripted("websocket");
  const second = new Scripted("longpoll");
  const clock = createFakeClock();
  const transport = createFailoverTransport([first, second], { clock, random: () => 1 });
  const owner = new Owner();
  const open = (signal: AbortSignal = never): Promise<OpenOutcome> =>
    transport.open(HELLO, owner, signal);
  return { first, second, clock, transport, owner, open };
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe("createFailoverTransport()", () => {
  it("prefers the first transport and never asks the second when it opens", async () => {
    const { first, second, transport, open } = rig();
    assert.equal((await open()).kind, "open");
    assert.equal(transport.name, "websocket");
    assert.deepEqual([first.opened, second.opened], [1, 0]);
  });

  for (const code of [200, 400, 403, 404, 426]) {
    it(`goes to the second at once when the upgrade is answered with HTTP ${code}`, async () => {
      const { first, transport, open } = rig();
      first.refusal = refused(code === 403 ? "auth" : "connection", code);
      assert.equal((await open()).kind, "open");
      assert.equal(transport.name, "longpoll");
    });
  }

  it("goes to the second when the dial breaks without an answer twice in a row", async () => {
    const { first, second, open } = rig();
    first.refusal = refused("connection", null);
    assert.equal((await open()).kind, "refused");
    assert.equal(second.opened, 0);
    assert.equal((await open()).kind, "open");
  });

  for (
    const end of [
      refused("auth", 401),
      refused("auth", 4401),
      refused("auth", 4403),
      refused("incompatible", 4426),
      refused("protocol", null),
      refused("connection", 4429),
      refused("connection", 429),
      refused("connection", 407),
      refused("connection", 1012),
    ]
  ) {
    it(`stays when the brain refuses with ${end.class} ${end.code}`, async () => {
      const { first, second, open } = rig();
      first.refusal = end;
      for (let i = 0; i < 4; i++) {
        const outcome = await open();
        assert.deepEqual(outcome, { kind: "refused", end });
      }
      assert.equal(second.opened, 0);
    });
  }

  it("answers the first refusal when HTTP fails as well", async () => {
    const { first, second, transport, open } = rig();
    first.refusal = refused("connection", 502);
    second.refusal = refused("connection", 502);
    await open();
    assert.deepEqual(await open(), { kind: "refused", end: first.refusal });
    assert.equal(second.opened, 1);
    assert.equal(transport.name, "websocket");
  });

  it("believes HTTP when both say that access is forbidden", async () => {
    const { first, second, open } = rig();
    first.refusal = refused("auth", 403);
    second.refusal = refused("auth", 401);
    assert.deepEqual(await open(), { kind: "refused", end: second.refusal });
  });

  it("tries the first again at growing intervals while the second lives", async () => {
    const { first, clock, owner, open } = rig();
    first.refusal = refused("connection", 400);
    await open();
    const dials: number[] = [];
    let before = first.opened;
    for (let second = 1; second <= 250; second++) {
      await clock.advance(1000);
      await settle();
      if (first.opened > before) dials.push(second);
      before = first.opened;
    }
    assert.deepEqual(dials, [30, 90, 210]);
    assert.deepEqual(owner.ends, []);
  });

  it("tries the first again within seconds when the brain may only have been down", async () => {
    const { first, clock, owner, transport, open } = rig();
    first.refusal = refused("connection", null);
    await open();
    await open();
    assert.equal(transport.name, "longpoll");
    first.refusal = null;
    await clock.advanceAsync(2000);
    assert.equal(transport.name, "websocket");
    assert.deepEqual(owner.ends.map(({ code }) => code), [1000]);
  });

  it("ends the second only once the first is open, and hands that one over", async () => {
    const { first, second, clock, transport, owner, open } = rig();
    first.refusal = refused("connection", 400);
    await open();
    first.refusal = null;
    await clock.advance(30_000);
    await settle();
    assert.equal(first.opened, 2);
    assert.deepEqual(owner.ends.map(({ code }) => code), [1000]);
    first.handlers?.message("early");
    const next = new Owner();
    const outcome = await transport.open(HELLO, next, never);
    assert.equal(
      outcome.kind === "open" && outcome.session.terms.identity.sessionId,
      "websocket 2",
    );
    assert.deepEqual(next.messages, ["early"]);
    assert.equal(first.opened, 2);
    assert.equal(transport.name, "websocket");
    assert.equal(second.opened, 1);
  });

  it("closes a socket that nobody takes over", async () => {
    const { first, clock, open } = rig();
    first.refusal = refused("connection", 400);
    await open();
    first.refusal = null;
    await clock.advance(30_000);
    await settle();
    await clock.advance(15_000);
    await settle();
    assert.equal(first.closed, 1);
  });

  it("closes the waiting socket and tries no more when the agent stops", async () => {
    const { first, clock, open } = rig();
    const stop = new AbortController();
    first.refusal = refused("connection", 400);
    await open(stop.signal);
    first.refusal = null;
    await clock.advance(30_000);
    await settle();
    stop.abort();
    await settle();
    assert.equal(first.closed, 1);
    await clock.advance(3_600_000);
    assert.equal(first.opened, 2);
  });

  it("stays on the second between sessions until the first is due", async () => {
    const { first, second, clock, open } = rig();
    first.refusal = refused("connection", 400);
    await open();
    second.handlers?.ended(refused("connection", 409));
    await open();
    assert.deepEqual([first.opened, second.opened], [1, 2]);
    second.handlers?.ended(refused("connection", 409));
    await clock.advance(120_000);
    await open();
    assert.deepEqual([first.opened, second.opened], [2, 3]);
  });
});

describe("createFailoverTransport() behind a proxy that strips upgrades", () => {
  it("works over HTTP, and moves to the WebSocket when that passes", async () => {
    const brain = await startOpenBrain();
    const { token } = await brain.mint("behind-a-proxy");
    const proxy = await startStrippingProxy(brain.port);
    const brainUrl = `http://127.0.0.1:${proxy.port}`;
    // The agent's own socket: that of Node does not tell how an upgrade was refused.
    const transport = createFailoverTransport([
      createWebSocketTransport({ brainUrl, token, webSocket: agentSocket }),
      createLongPollTransport({ brainUrl, token }),
    ], { clock: systemClock, reprobeFirstMs: 200, random: () => 0.5 });
    const owner = new Owner();
    try {
      const outcome = await transport.open(HELLO, owner, never);
      assert.equal(outcome.kind, "open", JSON.stringify(outcome));
      assert.equal(transport.name, "longpoll");
      await new Promise((resolve) => setTimeout(resolve, 40));
      proxy.strips = false;
      await until("the move", () => owner.ends.length > 0);
      const moved = await transport.open(HELLO, new Owner(), never);
      assert.equal(transport.name, "websocket");
      if (outcome.kind === "open") await outcome.session.close();
      if (moved.kind === "open") await moved.session.close();
    } finally {
      await proxy.close();
      await brain.close();
    }
  });
});
