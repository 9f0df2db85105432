import assert from "node:assert/strict";
import { agentSocket } from "../_support/agent_socket.ts";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, it } from "node:test";
import type { HelloPayload } from "../../src/protocol/frames.ts";
import type { FakeBrain } from "../../src/testing/fake_brain.ts";
import { describeDialFailure } from "../../src/transport/dial_failure.ts";
import type { OpenOutcome, SessionEnd, SessionHandlers } from "../../src/transport/port.ts";
import { runtimeWebSocket, type WebSocketLike } from "../../src/transport/socket_like.ts";
import { createWebSocketTransport } from "../../src/transport/websocket.ts";
import { hurriedClock, startTestBrain, TOKEN, until } from "../_support/agent_rig.ts";

const HELLO: HelloPayload = {
  protocol_version: "2",
  agent_version: "1.13.0",
  framework: "bare",
  engines: [],
  schedulers: [],
  capabilities: {},
  host: {},
};

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function brain(): Promise<FakeBrain> {
  const created = await startTestBrain();
  cleanups.push(() => created.close());
  return created;
}

function listener(): SessionHandlers & { readonly ends: SessionEnd[]; readonly messages: number } {
  const ends: SessionEnd[] = [];
  let messages = 0;
  return {
    ends,
    get messages() {
      return messages;
    },
    message: () => void messages++,
    ended: (end) => void ends.push(end),
  };
}

async function open(
  brainUrl: string,
  handlers: SessionHandlers = listener(),
  signal: AbortSignal = new AbortController().signal,
  token = TOKEN,
): Promise<OpenOutcome> {
  return await createWebSocketTransport({ brainUrl, token, webSocket }).open(
    HELLO,
    handlers,
    signal,
  );
}

function refusal(outcome: OpenOutcome): SessionEnd {
  assert.equal(outcome.kind, "refused");
  return outcome.kind === "refused" ? outcome.end : assert.fail();
}

// Node's own socket does not tell how an upgrade was refused.
const webSocket = "Bun" in globalThis || "Deno" in globalThis ? runtimeWebSocket : agentSocket;

describe("createWebSocketTransport()", () => {
  it("opens a session with the terms of the brain and closes it", async () => {
    const server = await brain();
    server.faults.clockOffsetMs = 30_000;
    const handlers = listener();
    const outcome = await open(server.url, handlers);
    assert.equal(outcome.kind, "open");
    if (outcome.kind !== "open") return;
    const { terms } = outcome.session;
    assert.equal(terms.heartbeatIntervalMs, 10_000);
    assert.equal(terms.maxFrameBytes, 1_048_576);
    assert.ok(Math.abs((terms.clockOffsetMs ?? 0) - 30_000) < 2000);
    await server.send("error", { code: "x", message: "y", fatal: false });
    await until("message", () => handlers.messages === 1);
    await outcome.session.close();
    assert.equal(handlers.ends.length, 1);
    assert.equal(outcome.session.send("{}"), false);
    await until("socket gone", () => server.openSockets === 0);
  });

  it("tells the close code of a refusal and of a session's end", async () => {
    const server = await brain();
    const cases = { 4401: "auth", 4403: "auth", 4426: "incompatible", 4429: "connection" };
    for (const [code, of] of Object.entries(cases)) {
      server.faults.refuseWith = Number(code);
      const end = refusal(await open(server.url));
      assert.deepEqual([end.code, end.class], [Number(code), of]);
    }
    server.faults.refuseWith = null;
    const handlers = listener();
    await open(server.url, handlers);
    server.kick(4003);
    await until("end", () => handlers.ends.length === 1);
    assert.deepEqual([handlers.ends[0]?.code, handlers.ends[0]?.class], [4003, "auth"]);
  });

  it("tells HTTP refusals and unreachable brains apart", async () => {
    const server: Server = createServer((request, response) => {
      response.statusCode = Number(/\d{3}/.exec(request.url ?? "")?.[0] ?? 500);
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    for (const [status, of] of [[401, "auth"], [404, "connection"], [503, "connection"]] as const) {
      const end = refusal(await open(`http://127.0.0.1:${port}/${status}`));
      assert.deepEqual([end.code, end.class], [status, of]);
    }
    const nobody = refusal(await open("http://127.0.0.1:1"));
    assert.equal(nobody.class, "connection");
    assert.match(nobody.advice, /cannot be reached/);
  });

  it("gives up at once when its signal aborts", async () => {
    const server = await brain();
    server.faults.silent = true;
    const abort = new AbortController();
    const opening = open(server.url, listener(), abort.signal);
    await until("hello", () => server.hellos.length === 1);
    abort.abort();
    assert.equal(refusal(await opening).class, "connection");
    await until("socket gone", () => server.openSockets === 0);
  });

  it("gives up on a brain that never answers the hello", async () => {
    const server = await brain();
    server.faults.silent = true;
    const transport = createWebSocketTransport({
      brainUrl: server.url,
      token: TOKEN,
      clock: hurriedClock(50),
    });
    const outcome = await transport.open(HELLO, listener(), new AbortController().signal);
    assert.match(refusal(outcome).advice, /did not answer the hello/);
  });

  it("drops a socket whose peer never answers the close frame", async () => {
    let terminated = false;
    const socket: WebSocketLike = {
      binaryType: "",
      bufferedAmount: 0,
      onopen: null,
      onmessage: null,
      onerror: null,
      onclose: null,
      send() {
        const payload = {
          protocol_version: "2",
          brain_version: "1",
          agent_id: "a",
          project_id: "b",
          session_id: "c",
          heartbeat_interval_seconds: 10,
          max_frame_size_bytes: 4096,
        };
        const ack = { v: 2, type: "hello_ack", id: "h", ts: new Date().toISOString(), payload };
        queueMicrotask(() => socket.onmessage?.({ data: JSON.stringify(ack) }));
      },
      close() {},
      terminate: () => terminated = true,
    };
    const transport = createWebSocketTransport({
      brainUrl: "http://localhost",
      token: TOKEN,
      clock: hurriedClock(50),
      webSocket(url, init) {
        assert.equal(url, "ws://localhost/ws/agent");
        assert.deepEqual(init.headers, { authorization: `Bearer ${TOKEN}` });
        queueMicrotask(() => socket.onopen?.({}));
        return socket;
      },
    });
    const handlers = listener();
    const outcome = await transport.open(HELLO, handlers, new AbortController().signal);
    assert.equal(outcome.kind, "open");
    if (outcome.kind === "open") await outcome.session.close();
    assert.equal(terminated, true);
    assert.equal(handlers.ends.length, 1);
  });
});

describe("describeDialFailure()", () => {
  it("names TLS, DNS and permission trouble", () => {
    const cases: Record<string, RegExp> = {
      "NetworkError: failed to connect to WebSocket: dns error": /cannot be resolved/,
      "NetworkError: invalid peer certificate: UnknownIssuer": /not trusted/,
      "NetworkError: received corrupt message of type InvalidContentType": /TLS handshake/,
      "WebSocket connection to 'wss://tls.example/' failed: Failed to connect": /cannot be reached/,
      'NotCapable Requires net access to "x:443"': /--allow-net/,
    };
    for (const [text, advice] of Object.entries(cases)) {
      assert.match(describeDialFailure(text).advice, advice);
    }
  });
});
