import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { JsonObject, JsonValue } from "../../src/base/json.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { RunningBrain } from "../../src/brain/http_listen.ts";
import { startBrain } from "../../src/brain/serve.ts";
import type { MintedAgent } from "../../src/brain/operator_port.ts";
import { encodeCanonical } from "../../src/protocol/canonical_json.ts";
import type { SignedFrameType } from "../../src/protocol/frames.ts";
import { decodeHmacSecret, importHmacKey } from "../../src/protocol/hmac.ts";
import { createFrameSigner, createFrameVerifier } from "../../src/protocol/signing.ts";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly [key: string]: JsonValue };
}

/** An agent that polls and posts by hand. */
class HandMadeAgent {
  readonly nonce: string;
  readonly #base: string;
  readonly #minted: MintedAgent;
  #sign: ((type: SignedFrameType, id: string, payload: JsonObject) => Promise<string>) | undefined;
  #verify: ReturnType<typeof createFrameVerifier> | undefined;

  constructor(base: string, minted: MintedAgent, nonce: string = crypto.randomUUID()) {
    this.#base = base;
    this.#minted = minted;
    this.nonce = nonce;
  }

  async call(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(`${this.#base}/api/v1/agent/${path}`, {
      ...init,
      headers: {
        authorization: `Bearer ${this.#minted.token}`,
        "x-z4j-session-nonce": this.nonce,
        "content-type": "application/json",
        ...init.headers as Record<string, string>,
      },
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: JSON.parse(text) };
  }

  async probe(): Promise<Answer> {
    const answer = await this.call("commands?wait=0&max_frames=0");
    if (answer.status !== 200) return answer;
    const key = await importHmacKey(decodeHmacSecret(this.#minted.hmacSecret));
    const identity = {
      agentId: answer.headers.get("x-z4j-agent-id") ?? "",
      projectId: answer.headers.get("x-z4j-project-id") ?? "",
      sessionId: this.nonce,
    };
    const signer = createFrameSigner({ key, identity, clock: systemClock });
    this.#verify = createFrameVerifier({
      key,
      identity,
      clock: systemClock,
      direction: "brain_to_agent",
    });
    this.#sign = (type, id, payload) =>
      signer.sign({ type, id, payloadText: encodeCanonical(payload) });
    return answer;
  }

  async sign(type: SignedFrameType, id: string, payload: JsonObject): Promise<string> {
    assert.ok(this.#sign !== undefined, "probe first");
    return await this.#sign(type, id, payload);
  }

  post(frames: readonly string[]): Promise<Answer> {
    return this.call("events", { method: "POST", body: JSON.stringify({ frames }) });
  }

  async poll(query: string, headers: Record<string, string> = {}): Promise<readonly JsonObject[]> {
    const answer = await this.call(`commands?${query}`, { headers });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    const commands: JsonObject[] = [];
    for (const text of answer.body["frames"] as readonly string[]) {
      const verdict = await this.#verify?.verify(text);
      assert.ok(verdict?.ok, "a frame of the brain does not verify");
      commands.push({ id: verdict.frame.id, ...verdict.frame.payload });
    }
    return commands;
  }
}

const event = (id: string): JsonObject => ({
  kind: "task.received",
  id,
  engine: "bullmq",
  task_id: `job-${id}`,
  occurred_at: new Date().toISOString(),
  data: { task_name: "send" },
});

describe("createLongPoll() of the embedded brain", () => {
  let brain: RunningBrain;
  let minted: MintedAgent;
  beforeEach(async () => {
    brain = await startBrain({ port: 0, dataDir: null });
    minted = await brain.mint("poller");
  });
  afterEach(async () => await brain.close());

  const issue = (action: string, parameters: JsonObject) =>
    brain.operator.issueCommand({
      projectId: brain.project.id,
      agentId: minted.agent.id,
      action,
      target: { type: "task", id: "1", engine: "bullmq" },
      parameters,
    });

  it("tells the identities and claims nothing when a probe asks for no frame", async () => {
    const agent = new HandMadeAgent(brain.baseUrl, minted);
    const answer = await agent.probe();
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, { frames: [] });
    assert.equal(answer.headers.get("x-z4j-agent-id"), minted.agent.id);
    assert.equal(answer.headers.get("x-z4j-project-id"), brain.project.id);
    assert.ok(Math.abs(Date.parse(answer.headers.get("date") ?? "") - Date.now()) < 5000);
  });

  it("stores the events of a POST once and counts the frames", async () => {
    const agent = new HandMadeAgent(brain.baseUrl, minted);
    await agent.probe();
    const frames = [
      await agent.sign("heartbeat", "hb_1", { buffer_size: 0 }),
      await agent.sign("event_batch", "ev_1", { events: [event("a"), event("b")] }),
    ];
    const answer = await agent.post([...frames, "not a frame"]);
    assert.deepEqual(answer.body, { accepted: 3, rejected: 0, errors: [], error_code: null });
    const { items } = brain.reader.tasks(brain.project.id, { limit: 10 });
    assert.deepEqual(items.map(({ taskId }) => taskId).sort(), ["job-a", "job-b"]);
  });

  it("answers 409 for a replay and refuses the nonce from then on", async () => {
    const agent = new HandMadeAgent(brain.baseUrl, minted);
    await agent.probe();
    const frame = await agent.sign("event_batch", "ev_1", { events: [event("a")] });
    assert.equal((await agent.post([frame])).status, 200);
    assert.equal((await agent.post([frame])).status, 409);
    assert.equal((await agent.call("commands?wait=0")).status, 409);
    assert.equal((await agent.probe()).status, 409);
    const fresh = new HandMadeAgent(brain.baseUrl, minted);
    assert.equal((await fresh.probe()).status, 200);
  });

  it("answers 409 for a frame that another secret signed, and stores none of it", async () => {
    const forged = { ...minted, hmacSecret: "A".repeat(43) };
    const agent = new HandMadeAgent(brain.baseUrl, forged);
    await agent.probe();
    const frame = await agent.sign("event_batch", "ev_1", { events: [event("a")] });
    assert.equal((await agent.post([frame])).status, 409);
    assert.equal(brain.reader.tasks(brain.project.id, { limit: 10 }).items.length, 0);
  });

  it("answers 409 for a nonce that never probed", async () => {
    const agent = new HandMadeAgent(brain.baseUrl, minted);
    assert.equal((await agent.call("commands?wait=0")).status, 409);
    assert.equal((await agent.post(["{}"])).status, 409);
  });

  it("hands a command to a waiting poll and takes its result", async () => {
    const agent = new HandMadeAgent(brain.baseUrl, minted);
    await agent.probe();
    const waiting = agent.poll("wait=10");
    await new Promise((resolve) => setTimeout(resolve, 30));
    const issued = await issue("cancel_task", { engine: "bullmq", task_id: "1" });
    assert.ok("id" in issued, JSON.stringify(issued));
    const [command] = await waiting;
    assert.equal(command?.["action"], "cancel_task");
    const id = String(command?.["id"]);
    await agent.post([
      await agent.sign("command_ack", id, {}),
      await agent.sign("command_result", id, {
        status: "success",
        result: { cancelled: true },
        delivery_claim_token: command?.["delivery_claim_token"] ?? null,
      }),
    ]);
    assert.equal(brain.reader.command(brain.project.id, id)?.status, "completed");
  });

  it("hands out what was issued before the first poll, and each command once", async () => {
    const agent = new HandMadeAgent(brain.baseUrl, minted);
    await agent.probe();
    await issue("cancel_task", { engine: "bullmq", task_id: "1" });
    assert.equal((await agent.poll("wait=0")).length, 1);
    assert.equal((await agent.poll("wait=0")).length, 0);
  });

  it("withholds retries unless the poll names a contract for the engine", async () => {
    const agent = new HandMadeAgent(brain.baseUrl, minted);
    await agent.probe();
    await agent.post([await agent.sign("event_batch", "ev", { events: [event("a")] })]);
    await issue("bulk_retry", {
      filter: { engine: "bullmq", task_ids: ["job-a"] },
      max: 1,
    });
    assert.deepEqual(await agent.poll("wait=0"), []);
    assert.deepEqual(await agent.poll("wait=0", { "x-z4j-retry-contracts": "bullmq=2" }), []);
    const found = await agent.poll("wait=0", { "x-z4j-retry-contracts": "rq=1, bullmq=1" });
    assert.equal(found[0]?.["action"], "bulk_retry");
  });

  it("gives a command back when the poller is gone, for the next one", async () => {
    const gone = new HandMadeAgent(brain.baseUrl, minted);
    await gone.probe();
    const stop = new AbortController();
    const poll = gone.call("commands?wait=30", { signal: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 30));
    stop.abort();
    await assert.rejects(poll);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await issue("cancel_task", { engine: "bullmq", task_id: "1" });
    const agent = new HandMadeAgent(brain.baseUrl, minted);
    await agent.probe();
    assert.equal((await agent.poll("wait=2")).length, 1);
  });

  it("refuses what breaks the form of a request", async () => {
    const agent = new HandMadeAgent(brain.baseUrl, minted);
    await agent.probe();
    const raw = (body: string): Promise<Answer> => agent.call("events", { method: "POST", body });
    assert.equal((await raw("{")).status, 422);
    assert.equal((await raw('{"frames":[]}')).status, 422);
    assert.equal((await raw('{"frames":[{}]}')).status, 422);
    assert.equal((await raw(" ".repeat(1_048_577))).status, 413);
    assert.equal((await raw('{"frames":[]}' + " ".repeat(1_048_576 - 13))).status, 422);
    assert.equal((await agent.call("commands?wait=61")).status, 422);
    assert.equal((await agent.call("commands?max_frames=-1")).status, 422);
    assert.equal((await agent.call("commands", { method: "POST", body: "{}" })).status, 405);
    assert.equal((await agent.call("elsewhere")).status, 404);
    const nameless = new HandMadeAgent(brain.baseUrl, minted, "");
    assert.equal((await nameless.probe()).status, 400);
    const unknown = new HandMadeAgent(brain.baseUrl, { ...minted, token: "wrong" });
    assert.equal((await unknown.probe()).status, 401);
  });

  it("answers 503 when an agent has sixteen nonces", async () => {
    for (let i = 0; i < 16; i++) {
      assert.equal((await new HandMadeAgent(brain.baseUrl, minted).probe()).status, 200);
    }
    const answer = await new HandMadeAgent(brain.baseUrl, minted).probe();
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get("retry-after"), "1");
  });

  it("refuses a revoked agent at its next request", async () => {
    const agent = new HandMadeAgent(brain.baseUrl, minted);
    await agent.probe();
    const waiting = agent.call("commands?wait=30");
    await new Promise((resolve) => setTimeout(resolve, 30));
    await brain.operator.revokeAgent(brain.project.id, minted.agent.id);
    assert.deepEqual((await waiting).body, { frames: [] });
    assert.equal((await agent.call("commands?wait=0")).status, 401);
  });
});
