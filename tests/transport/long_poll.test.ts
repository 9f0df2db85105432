import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import http from "node:http";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { HelloPayload } from "../../src/protocol/frames.ts";
import { createLongPollTransport } from "../../src/transport/long_poll.ts";
import type {
  OpenOutcome,
  SessionEnd,
  SessionHandlers,
  TransportSession,
} from "../../src/transport/port.ts";
import { until } from "../_support/wait.ts";

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

const IDENTITY = { "x-z4j-agent-id": "agent-1", "x-z4j-project-id": "project-1" };
const ok = (body: unknown): Reply => ({ status: 200, body, headers: IDENTITY });
const accepted = (request: Request): Reply =>
  ok({ accepted: framesOf(request).length, rejected: 0, errors: [], error_code: null });
const framesOf = (request: Request): readonly string[] =>
  (JSON.parse(request.body) as { frames: readonly string[] }).frames;
const frame = (id: string, size = 0): string =>
  `{"hmac":"00","id":"${id}","pad":"${"x".repeat(size)}"}`;

/** An endpoint whose answers the test decides; polls hang unless it says otherwise. */
class Endpoint {
  readonly seen: Request[] = [];
  limit = 8192;
  probe: (request: Request) => Reply = () => ok({ frames: [] });
  poll: (request: Request) => Reply | null = () => null;
  post: (request: Request) => Reply | null = accepted;
  base = "";
  readonly #server = http.createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    request.on("end", () => {
      const body = new TextDecoder().decode(Buffer.concat(chunks));
      this.#answer({
        method: request.method ?? "",
        path: request.url ?? "",
        headers: request.headers,
        body,
      }, response);
    });
  });

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.base = `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Real uploads, without the sizing requests. */
  get posts(): readonly Request[] {
    return this.seen.filter(({ method, body }) => method === "POST" && !isSizing(body));
  }

  get nonces(): readonly string[] {
    return [...new Set(this.seen.map(({ headers }) => String(headers["x-z4j-session-nonce"])))];
  }

  #answer(request: Request, response: http.ServerResponse): void {
    this.seen.push(request);
    const reply = this.#reply(request);
    if (reply === null) return;
    const headers = { "content-type": "application/json", ...reply.headers };
    response.writeHead(reply.status, headers).end(JSON.stringify(reply.body ?? {}));
  }

  #reply(request: Request): Reply | null {
    if (request.method === "POST") {
      if (request.body.length > this.limit) return { status: 413 };
      return isSizing(request.body) ? { status: 422 } : this.post(request);
    }
    return request.path.includes("wait=0") ? this.probe(request) : this.poll(request);
  }
}

const isSizing = (body: string): boolean => /^\{"frames":\[\]\}\s*$/.test(body);

const HELLO: HelloPayload = {
  protocol_version: "2",
  agent_version: "1",
  framework: "bare",
  engines: ["bullmq", "manual"],
  schedulers: [],
  capabilities: { bullmq: ["bulk_retry", "retry_by_reference_v1"], manual: ["submit_task"] },
  host: {},
  runtime_features: ["retry_by_reference", "external_schedule_protocol_v1"],
};

class Owner implements SessionHandlers {
  readonly messages: string[] = [];
  readonly acked: string[] = [];
  readonly ends: SessionEnd[] = [];
  message(data: string | Uint8Array): void {
    this.messages.push(String(data));
  }
  delivered(id: string): void {
    this.acked.push(id);
  }
  ended(end: SessionEnd): void {
    this.ends.push(end);
  }
}

describe("createLongPollTransport()", () => {
  let endpoint: Endpoint;
  let owner: Owner;
  let session: TransportSession | undefined;
  beforeEach(async () => {
    endpoint = new Endpoint();
    owner = new Owner();
    session = undefined;
    await endpoint.listen();
  });
  afterEach(async () => {
    await session?.close();
    await endpoint.close();
  });

  const transportTo = (): ReturnType<typeof createLongPollTransport> =>
    createLongPollTransport({ brainUrl: endpoint.base, token: "secret-token" });
  const open = async (transport = transportTo()): Promise<TransportSession> => {
    const outcome = await transport.open(HELLO, owner, new AbortController().signal);
    assert.equal(outcome.kind, "open", JSON.stringify(outcome));
    session = (outcome as Extract<OpenOutcome, { kind: "open" }>).session;
    return session;
  };
  const refusal = async (probe: () => Reply): Promise<SessionEnd> => {
    endpoint.probe = probe;
    const outcome = await transportTo().open(HELLO, owner, new AbortController().signal);
    assert.equal(outcome.kind, "refused");
    return (outcome as Extract<OpenOutcome, { kind: "refused" }>).end;
  };
  const ended = (): Promise<SessionEnd> => until("the end", () => owner.ends[0]);

  it("probes with a fresh nonce and takes the identities from the answer", async () => {
    const { terms } = await open();
    const [probe] = endpoint.seen;
    assert.equal(probe?.path, "/api/v1/agent/commands?wait=0&max_frames=0");
    assert.equal(probe?.headers.authorization, "Bearer secret-token");
    assert.equal(probe?.headers["x-z4j-runtime-features"], "retry_by_reference");
    assert.equal(probe?.headers["x-z4j-retry-contracts"], "bullmq=1");
    const [nonce] = endpoint.nonces;
    assert.deepEqual(terms.identity, {
      agentId: "agent-1",
      projectId: "project-1",
      sessionId: nonce,
    });
    assert.equal(terms.heartbeatIntervalMs, 10_000);
    assert.ok(terms.maxFrameBytes > 5000 && terms.maxFrameBytes < 8192);
    assert.ok(Math.abs(terms.clockOffsetMs ?? Infinity) < 2000);
  });

  it("asks for one frame when an old brain refuses to give none", async () => {
    endpoint.probe = ({ path }) =>
      path.endsWith("max_frames=0") ? { status: 422 } : ok({ frames: ["old"] });
    await open();
    assert.ok(endpoint.seen.some(({ path }) => path.endsWith("wait=0&max_frames=1")));
    assert.deepEqual(owner.messages, ["old"]);
  });

  it("polls with its retry contracts and hands frames over", async () => {
    let handed = false;
    endpoint.poll = () => {
      if (handed) return null;
      handed = true;
      return ok({ frames: ["one", "two"] });
    };
    await open();
    await until("both frames", () => owner.messages.length === 2);
    const polls = endpoint.seen.filter(({ path }) => path.includes("wait=30&max_frames=50"));
    assert.equal(polls[0]?.headers["x-z4j-retry-contracts"], "bullmq=1");
    await until(
      "the next poll",
      () => endpoint.seen.filter(({ path }) => path.includes("wait=30")).length === 2,
    );
  });

  it("acknowledges frames when the brain took all of a POST", async () => {
    const live = await open();
    for (const id of ["a", "b", "c"]) assert.equal(live.send(frame(id)), true);
    await until("three acks", () => owner.acked.length === 3);
    assert.deepEqual(owner.acked, ["a", "b", "c"]);
    assert.deepEqual(endpoint.posts.flatMap(framesOf), [frame("a"), frame("b"), frame("c")]);
    for (const { headers, body } of endpoint.posts) {
      assert.equal(Number(headers["content-length"]), body.length);
      assert.equal(headers["transfer-encoding"], undefined);
    }
    assert.equal(live.bufferedBytes(), 0);
  });

  it("keeps each body within 8192 bytes when the brain takes no more", async () => {
    const live = await open();
    for (let i = 0; i < 12; i++) live.send(frame(`f${i}`, 3000));
    await until("all acks", () => owner.acked.length === 12);
    assert.ok(Math.max(...endpoint.posts.map(({ body }) => body.length)) <= 8192);
    assert.equal(endpoint.posts.length, 6);
  });

  it("uses larger bodies when the brain takes them, without storing anything to learn it", async () => {
    endpoint.limit = 200_000;
    const { terms } = await open();
    assert.ok(terms.maxFrameBytes > 40_000 && terms.maxFrameBytes < 64 * 1024);
    assert.equal(endpoint.posts.length, 0);
  });

  it("halves its bodies after a 413 and blames the size when a session is under way", async () => {
    const transport = transportTo();
    const live = await open(transport);
    endpoint.limit = 5000;
    live.send(frame("big", 5200));
    const end = await ended();
    assert.deepEqual([end.class, end.code], ["connection", 1009]);
    const next = await open(transport);
    assert.ok(next.terms.maxFrameBytes < 4000);
    assert.deepEqual(owner.acked, []);
  });

  it("drops a control frame that finds no room, and goes on", async () => {
    const live = await open();
    live.send(frame("huge", 9000));
    live.send(frame("small"));
    await until("the small one", () => owner.acked.includes("small"));
    assert.deepEqual(endpoint.posts.flatMap(framesOf), [frame("small")]);
    assert.deepEqual(owner.ends, []);
  });

  it("ends with 1009, unsent, when a batch of events finds no room", async () => {
    const live = await open();
    live.send(`{"hmac":"00","id":"ev","pad":"${"x".repeat(9000)}","type":"event_batch","v":2}`);
    assert.equal((await ended()).code, 1009);
    assert.equal(endpoint.posts.length, 0);
  });

  it("ends with 1011 and acknowledges nothing when the brain took fewer frames", async () => {
    endpoint.post = () => ok({ accepted: 0, rejected: 1, errors: [], error_code: "bad" });
    const live = await open();
    live.send(frame("a"));
    const end = await ended();
    assert.deepEqual([end.class, end.code], ["connection", 1011]);
    assert.deepEqual(owner.acked, []);
  });

  it("blames the secret when the first POST is answered 409", async () => {
    endpoint.post = () => ({ status: 409 });
    const live = await open();
    live.send(frame("a"));
    const end = await ended();
    assert.deepEqual([end.class, end.code], ["auth", 4403]);
  });

  it("takes a fresh nonce after a 409 in a session that worked", async () => {
    const transport = transportTo();
    const live = await open(transport);
    live.send(frame("a"));
    await until("the ack", () => owner.acked.length === 1);
    endpoint.post = () => ({ status: 409 });
    live.send(frame("b"));
    const end = await ended();
    assert.deepEqual([end.class, end.code], ["connection", 409]);
    await open(transport);
    assert.equal(endpoint.nonces.length, 2);
  });

  it("tries the same frames again after 429 and 503, as late as they ask", async () => {
    const statuses = [503, 429];
    endpoint.post = (request) => {
      const status = statuses.shift();
      return status === undefined ? accepted(request) : { status, headers: { "retry-after": "0" } };
    };
    const live = await open();
    live.send(frame("a"));
    await until("the ack", () => owner.acked.length === 1);
    assert.equal(endpoint.posts.length, 3);
    assert.deepEqual(owner.ends, []);
  });

  it("tells each refusal of the probe by its class", async () => {
    const cases: readonly [Reply, string, number | null][] = [
      [{ status: 401 }, "auth", 401],
      [{ status: 403, body: { error: "project_inactive" } }, "auth", 403],
      [{ status: 403, body: { error: "ip_denied" } }, "auth", 403],
      [{ status: 403 }, "connection", 403],
      [{ status: 404 }, "connection", 404],
      [{ status: 405 }, "connection", 405],
      [{ status: 429 }, "connection", 4429],
      [{ status: 503 }, "connection", 503],
      [{ status: 302, headers: { location: "/elsewhere" } }, "connection", 302],
      [{ status: 200, body: { frames: [] } }, "protocol", null],
    ];
    for (const [reply, of, code] of cases) {
      const end = await refusal(() => reply);
      assert.deepEqual([end.class, end.code], [of, code], JSON.stringify(reply));
      assert.doesNotMatch(end.advice, /secret-token/);
    }
  });

  it("ends as a credentials problem when the token is revoked during a poll", async () => {
    endpoint.poll = () => ({ status: 401 });
    await open();
    assert.equal((await ended()).class, "auth");
    assert.equal(owner.ends.length, 1);
  });

  it("sends what waits before it closes, and ends once", async () => {
    const live = await open();
    live.send(frame("last"));
    await live.close();
    assert.deepEqual(owner.acked, ["last"]);
    assert.equal(live.send(frame("late")), false);
    assert.deepEqual(owner.ends.map(({ code }) => code), [1000]);
  });

  it("closes within 3 s when the brain answers nothing", async () => {
    endpoint.post = () => null;
    const live = await open();
    live.send(frame("stuck"));
    const startedAt = performance.now();
    await live.close();
    assert.ok(performance.now() - startedAt < 3000);
    assert.equal(owner.ends.length, 1);
  });

  it("gives an attempt up at once when its signal aborts", async () => {
    const stop = new AbortController();
    const hanging = http.createServer(() => {});
    await new Promise<void>((resolve) => hanging.listen(0, "127.0.0.1", resolve));
    const { port } = hanging.address() as { port: number };
    const transport = createLongPollTransport({ brainUrl: `http://127.0.0.1:${port}`, token: "t" });
    const outcome = transport.open(HELLO, owner, stop.signal);
    setTimeout(() => stop.abort(), 20);
    assert.equal((await outcome).kind, "refused");
    hanging.closeAllConnections();
    hanging.close();
  });

  it("refuses plain HTTP to other machines", () => {
    const options = { brainUrl: "http://tasks.example.com", token: "t" };
    assert.throws(() => createLongPollTransport(options), /not encrypted/);
    createLongPollTransport({ ...options, allowInsecure: true });
  });
});
