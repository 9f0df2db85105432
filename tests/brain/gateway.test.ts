import { strict as assert } from "node:assert";
import { afterEach, beforeEach, describe, it } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { bearerToken } from "../../src/brain/gateway.ts";
import {
  type BrainFixture,
  connect,
  helloPayload,
  openFixture,
  PeerAgent,
  until,
  wireEvent,
} from "../_support/brain_peer.ts";

describe("Gateway", () => {
  let fixture: BrainFixture;
  beforeEach(async () => {
    fixture = await openFixture();
  });
  afterEach(() => fixture.brain.close());
  const peerOf = (token: string | null, address?: string): PeerAgent =>
    new PeerAgent(fixture.brain.gateway, token, address);

  it("accept() answers hello with the ids that enter signatures", async () => {
    const { minted, project } = fixture;
    const ack = await peerOf(minted.token).hello(minted.hmacSecret);
    assert.equal(ack["agent_id"], minted.agent.id);
    assert.equal(ack["project_id"], project.id);
    assert.equal(ack["heartbeat_interval_seconds"], 10);
    assert.equal(ack["max_frame_size_bytes"], 1_048_576);
    assert.match(String(ack["session_id"]), /^[0-9a-f-]{36}$/);
  });

  it("accept() closes with 4401 without a known token", async () => {
    assert.equal(await peerOf(null).closeCode(), 4401);
    assert.equal(await peerOf("nobody").closeCode(), 4401);
  });

  it("accept() closes with 4401 when the project is archived or the agent revoked", async () => {
    const { brain, minted, project } = fixture;
    const other = await brain.operator.mintAgent(project.id, "second");
    assert.equal(brain.operator.revokeAgent(project.id, other.agent.id), true);
    assert.equal(await peerOf(other.token).closeCode(), 4401);
    brain.operator.archiveProject("default");
    assert.equal(await peerOf(minted.token).closeCode(), 4401);
  });

  it("accept() closes with 4400 when the first message is no valid hello", async () => {
    const { minted } = fixture;
    const bad = [
      "nope",
      "[]",
      JSON.stringify({
        v: 2,
        type: "hello",
        id: "h",
        payload: helloPayload({ framework: "x".repeat(41) }),
      }),
      JSON.stringify({ v: 2, type: "heartbeat", id: "h", payload: {} }),
    ];
    for (const text of bad) {
      const peer = peerOf(minted.token);
      peer.handlers.message(text);
      assert.equal(await peer.closeCode(), 4400, text.slice(0, 40));
    }
  });

  it("accept() closes with 4426 for another protocol version", async () => {
    const peer = peerOf(fixture.minted.token);
    const payload = helloPayload({ protocol_version: "3" });
    peer.handlers.message(JSON.stringify({ v: 2, type: "hello", id: "h", payload }));
    assert.equal(await peer.closeCode(), 4426);
  });

  it("accept() closes with 4400 for a message over 1 MiB, counted in bytes", async () => {
    const peer = await connect(fixture);
    peer.handlers.message("ä".repeat(524_289));
    assert.equal(await peer.closeCode(), 4400);
  });

  it("accept() displaces the older connection of a worker with 4002", async () => {
    const first = await connect(fixture, { worker_id: "w1" });
    const other = await connect(fixture, { worker_id: "w2" });
    const second = await connect(fixture, { worker_id: "w1" });
    assert.equal(await first.closeCode(), 4002);
    assert.deepEqual([other.socket.closeCode, second.socket.closeCode], [null, null]);
    const nameless = await connect(fixture);
    await connect(fixture);
    assert.equal(await nameless.closeCode(), 4002);
  });

  it("revokeAgent() closes every socket of the agent with 4003", async () => {
    const peers = [await connect(fixture, { worker_id: "a" }), await connect(fixture)];
    fixture.brain.operator.revokeAgent(fixture.project.id, fixture.minted.agent.id);
    for (const peer of peers) assert.equal(await peer.closeCode(), 4003);
  });

  it("accept() closes with 4403 on a wrong secret, a replay and an unsigned frame", async () => {
    const wrong = peerOf(fixture.minted.token);
    await wrong.hello("A".repeat(43));
    await wrong.send("heartbeat", "hb", {});
    assert.equal(await wrong.closeCode(), 4403);

    const replayed = await connect(fixture);
    const text = await replayed.sign("heartbeat", "hb", {});
    replayed.handlers.message(text);
    replayed.handlers.message(text);
    assert.equal(await replayed.closeCode(), 4403);

    const unsigned = await connect(fixture);
    const frame = JSON.parse(await unsigned.sign("heartbeat", "hb", {}));
    delete frame.hmac;
    unsigned.handlers.message(JSON.stringify(frame));
    assert.equal(await unsigned.closeCode(), 4403);
  });

  it("accept() closes with 1011 on text that is no frame, and ignores a second hello", async () => {
    const peer = await connect(fixture);
    const hello = { v: 2, type: "hello", id: "again", payload: helloPayload() };
    peer.handlers.message(JSON.stringify(hello));
    assert.deepEqual(await peer.batch("b1", []), {
      acked_id: "b1",
      received: 0,
      accepted: 0,
      rejected: 0,
    });
    peer.handlers.message("nope");
    assert.equal(await peer.closeCode(), 1011);
  });

  it("accept() takes binary messages and keeps frames in order", async () => {
    const peer = await connect(fixture);
    const texts: string[] = [];
    for (let i = 0; i < 20; i++) {
      texts.push(
        await peer.sign("event_batch", `b${i}`, { events: [wireEvent({ task_id: `m:${i}` })] }),
      );
    }
    for (const text of texts) peer.handlers.message(new TextEncoder().encode(text));
    await peer.frame((one) => one.payload["acked_id"] === "b19", "the last ack");
    assert.equal(peer.socket.closeCode, null);
    assert.equal(fixture.brain.reader.stats(fixture.project.id).tasksByState["received"], 20);
  });

  it("close() ends every session with 1001 and later connects too", async () => {
    const peer = await connect(fixture);
    await fixture.brain.close();
    assert.equal(peer.socket.closeCode, 1001);
    assert.equal(peerOf(fixture.minted.token).socket.closeCode, 1001);
  });

  it("accept() closes a peer that does not read with 1013", async () => {
    const peer = await connect(fixture);
    peer.socket.buffered = 100_000_000;
    await peer.send("event_batch", "b1", { events: [] });
    assert.equal(await peer.closeCode(), 1013);
  });
});

describe("Gateway limits", () => {
  it("accept() closes with 4429 beyond the connects of an address in a minute", async () => {
    const { brain, minted } = await openFixture({ limits: { connectsPerMinute: 2 } });
    const codes = [1, 2, 3].map(() =>
      new PeerAgent(brain.gateway, minted.token, "10.0.0.1").socket
    );
    assert.equal(codes[2]?.closeCode, 4429);
    assert.equal(codes[1]?.closeCode, null);
    const elsewhere = new PeerAgent(brain.gateway, minted.token, "10.0.0.2");
    assert.equal(elsewhere.socket.closeCode, null);
    await brain.close();
  });

  it("accept() closes with 4429 after hello_ack beyond the workers of an agent", async () => {
    const fixture = await openFixture({ limits: { workersPerAgent: 1 } });
    const first = await connect(fixture, { worker_id: "w1" });
    const second = new PeerAgent(fixture.brain.gateway, fixture.minted.token);
    await second.hello(fixture.minted.hmacSecret, { worker_id: "w2" });
    assert.equal(await second.closeCode(), 4429);
    assert.equal(first.socket.closeCode, null);
    await connect(fixture, { worker_id: "w1" });
    assert.equal(await first.closeCode(), 4002);
    await fixture.brain.close();
  });

  it("accept() closes silent sockets with 4408, before hello and after", async () => {
    const fixture = await openFixture({ limits: { helloTimeoutMs: 30, idleTimeoutMs: 60 } });
    const mute = new PeerAgent(fixture.brain.gateway, fixture.minted.token);
    assert.equal(await mute.closeCode(), 4408);
    const idle = await connect(fixture);
    const startMs = systemClock.monotonic();
    await idle.send("heartbeat", "hb", {});
    assert.equal(await idle.closeCode(), 4408);
    assert.ok(systemClock.monotonic() - startMs >= 45);
    await fixture.brain.close();
  });

  it("accept() closes with 1013 when more arrives than may wait", async () => {
    const fixture = await openFixture({ limits: { inboxFrames: 3 } });
    const peer = await connect(fixture);
    for (let i = 0; i < 6; i++) peer.handlers.message("{}");
    assert.equal(peer.socket.closeCode, 1013);
    await fixture.brain.close();
  });

  it("sweep marks silent agents offline and needs no timer afterwards", async () => {
    const fixture = await openFixture({ limits: { offlineAfterMs: 20, sweepEveryMs: 10 } });
    const peer = await connect(fixture);
    peer.drop();
    const { reader } = fixture.brain;
    await until(() => reader.agents(fixture.project.id)[0]?.state === "offline", "offline");
    assert.equal(reader.agentWorkers(fixture.project.id)[0]?.state, "offline");
    await fixture.brain.close();
  });
});

describe("bearerToken()", () => {
  it("reads the scheme in any case and tolerates blanks", () => {
    assert.equal(bearerToken("bEaReR   abc "), "abc");
    assert.equal(bearerToken("Basic abc"), null);
    assert.equal(bearerToken("Bearer"), null);
    assert.equal(bearerToken(null), null);
  });
});
