import { strict as assert } from "node:assert";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { JsonObject } from "../../src/base/json.ts";
import type { CommandRequest } from "../../src/brain/operator_port.ts";
import type { CommandRow, CommandStatus } from "../../src/brain/store.ts";
import { computePurgeToken } from "../../src/protocol/purge_token.ts";
import { decodeHmacSecret } from "../../src/protocol/hmac.ts";
import {
  type BrainFixture,
  connect,
  openFixture,
  PeerAgent,
  until,
  wireEvent,
} from "../_support/brain_peer.ts";

describe("issueCommand()", () => {
  let fixture: BrainFixture;
  beforeEach(async () => {
    fixture = await openFixture();
  });
  afterEach(() => fixture.brain.close());

  const request = (over: Partial<CommandRequest> = {}): CommandRequest => ({
    projectId: fixture.project.id,
    agentId: fixture.minted.agent.id,
    action: "cancel_task",
    target: { type: "task", id: "bullmq:1" },
    parameters: { engine: "bullmq", task_id: "1" },
    ...over,
  });
  const issue = (over: Partial<CommandRequest> = {}): CommandRow => {
    const row = fixture.brain.operator.issueCommand(request(over));
    if ("kind" in row) assert.fail(row.message);
    return row;
  };
  const refusal = (over: Partial<CommandRequest>): string => {
    const row = fixture.brain.operator.issueCommand(request(over));
    return "kind" in row ? row.kind : "taken";
  };
  const status = (id: string): CommandStatus | undefined =>
    fixture.brain.reader.command(fixture.project.id, id)?.status;
  const answer = (peer: PeerAgent, id: string, over: JsonObject = {}): Promise<void> =>
    peer.send("command_result", id, {
      status: "success",
      result: { ok: 1 },
      error: null,
      delivery_claim_token: null,
      ...over,
    });

  it("goes from dispatched over acknowledged to completed, once", async () => {
    const peer = await connect(fixture);
    const row = issue();
    const frame = await peer.command("cancel_task");
    assert.equal(frame.id, row.id);
    assert.deepEqual(frame.payload["target"], { type: "task", id: "bullmq:1", engine: "bullmq" });
    assert.equal(frame.payload["timeout_seconds"], 60);
    assert.equal(status(row.id), "dispatched");
    await peer.send("command_ack", row.id, { delivery_claim_token: null });
    await until(() => status(row.id) === "acknowledged", "acknowledged");
    await answer(peer, row.id, { result: { email: "bob@example.com" } });
    await until(() => status(row.id) === "completed", "completed");
    await answer(peer, row.id, { status: "failed", error: "late" });
    await peer.batch("b1", []);
    const stored = fixture.brain.reader.command(fixture.project.id, row.id);
    assert.deepEqual([stored?.status, stored?.error], ["completed", null]);
    assert.deepEqual(stored?.result, { email: "[REDACTED]" });
  });

  it("keeps 1024 characters of an error and the result of a failure", async () => {
    const peer = await connect(fixture);
    const row = issue();
    await answer(peer, row.id, { status: "failed", error: "e".repeat(3000) });
    await until(() => status(row.id) === "failed", "failed");
    const stored = fixture.brain.reader.command(fixture.project.id, row.id);
    assert.equal(stored?.error?.length, 1024);
    assert.deepEqual(stored?.result, { ok: 1 });
  });

  it("ignores results of another agent and of unknown ids", async () => {
    await connect(fixture);
    const other = await fixture.brain.operator.mintAgent(fixture.project.id, "other");
    const stranger = new PeerAgent(fixture.brain.gateway, other.token);
    await stranger.hello(other.hmacSecret);
    const row = issue();
    await answer(stranger, row.id);
    await answer(stranger, crypto.randomUUID());
    await answer(stranger, "no-uuid");
    await stranger.batch("b1", []);
    assert.equal(status(row.id), "dispatched");
    assert.equal(stranger.socket.closeCode, null);
  });

  it("waits as pending and is sent, oldest first, when the agent connects", async () => {
    const first = issue();
    const second = issue({ parameters: { engine: "bullmq", task_id: "2" } });
    assert.equal(status(first.id), "pending");
    const peer = await connect(fixture);
    await peer.frame((one) => one.id === second.id, "the second");
    assert.deepEqual(peer.frames.map((one) => one.id), [first.id, second.id]);
  });

  it("goes to the first registered session, the retry family to one with the marker", async () => {
    const plain = await connect(fixture, {
      worker_id: "a",
      capabilities: { bullmq: ["cancel_task", "retry_task"] },
    });
    const marked = await connect(fixture, { worker_id: "b" });
    issue();
    issue({ action: "retry_task" });
    await plain.command("cancel_task");
    await marked.command("retry_task");
    assert.deepEqual([plain.frames.length, marked.frames.length], [1, 1]);
  });

  it("times out at its deadline and takes no result afterwards", async () => {
    const peer = await connect(fixture);
    const row = issue({ timeoutMs: 1000 });
    await until(() => status(row.id) === "timeout", "timeout", 3000);
    await answer(peer, row.id);
    await peer.batch("b1", []);
    assert.equal(status(row.id), "timeout");
  });

  it("returns the same command for an idempotency key and refuses another body", () => {
    const row = issue({ idempotencyKey: "k" });
    assert.equal(issue({ idempotencyKey: "k" }).id, row.id);
    assert.equal(
      refusal({ idempotencyKey: "k", parameters: { engine: "bullmq", task_id: "9" } }),
      "conflict",
    );
    assert.equal(refusal({ idempotencyKey: "" }), "refused");
  });

  it("refuses by engine, token, marker and shape", async () => {
    await connect(fixture, {
      engines: ["bullmq", "plain"],
      capabilities: {
        bullmq: ["retry_task", "bulk_retry", "retry_by_reference_v1"],
        plain: ["retry_task", "submit_task"],
      },
    });
    const retry = (parameters: JsonObject): string => refusal({ action: "retry_task", parameters });
    const cases: readonly (readonly [string, string])[] = [
      [refusal({}), "refused"],
      [refusal({ action: "requeue_dead_letter" }), "refused"],
      [refusal({ action: "dlq.list" }), "refused"],
      [refusal({ action: "format_disk" }), "refused"],
      [refusal({ agentId: crypto.randomUUID() }), "not_found"],
      [refusal({ projectId: crypto.randomUUID() }), "not_found"],
      [refusal({ timeoutMs: 3_600_001 }), "refused"],
      [retry({ engine: "plain", task_id: "1" }), "refused"],
      [retry({ engine: "laravel", task_id: "1" }), "refused"],
      [retry({ engine: "bull mq", task_id: "1" }), "refused"],
      [retry({ engine: "bullmq", task_id: "1", override_args: [] }), "refused"],
      [
        retry({ engine: "bullmq", task_id: "1", override_args: {}, override_kwargs: [] }),
        "refused",
      ],
      [retry({ engine: "bullmq", task_id: "1", override_args: [], override_kwargs: {} }), "taken"],
      [retry({ engine: "bullmq", task_id: "1" }), "taken"],
    ];
    for (const [index, [found, wanted]] of cases.entries()) assert.equal(found, wanted, `${index}`);
    for (const action of ["submit_task", "purge_queue", "rate_limit", "reconcile_task"]) {
      assert.equal(refusal({ action, parameters: {} }), "taken", action);
    }
  });

  it("takes a bulk retry only of tasks that are known", async () => {
    const peer = await connect(fixture);
    await peer.batch("b1", [wireEvent({ task_id: "1" })]);
    const bulk = (ids: unknown, max = 5): string =>
      refusal({
        action: "bulk_retry",
        parameters: { filter: { engine: "bullmq", task_ids: ids } as JsonObject, max },
      });
    assert.equal(bulk(["1"]), "taken");
    assert.equal(bulk(["1", "2"]), "refused");
    assert.equal(bulk([]), "refused");
    assert.equal(bulk(undefined), "refused");
    assert.equal(bulk(["1"], 0), "refused");
  });

  it("asks for evidence before it controls a worker", async () => {
    const peer = await connect(fixture, { capabilities: { bullmq: ["restart_worker"] } });
    const restart = (): string =>
      refusal({ action: "restart_worker", parameters: { engine: "bullmq", worker_name: "w" } });
    assert.equal(restart(), "refused");
    await peer.batch("b1", [wireEvent({ data: { worker: "w" } })]);
    assert.equal(restart(), "refused");
    await peer.batch("b2", [
      wireEvent({ kind: "worker.online", task_id: "", data: { worker: "w" } }),
    ]);
    assert.equal(restart(), "taken");
    const other = await fixture.brain.operator.mintAgent(fixture.project.id, "other");
    const twin = new PeerAgent(fixture.brain.gateway, other.token);
    await twin.hello(other.hmacSecret);
    await twin.batch("b3", [
      wireEvent({ kind: "worker.online", task_id: "", data: { worker: "w" } }),
    ]);
    assert.equal(restart(), "refused");
  });

  it("computes the purge token from the stated depth and never stores it", async () => {
    const peer = await connect(fixture);
    const row = issue({
      action: "purge_queue",
      target: { type: "queue", id: "mail" },
      parameters: { queue: "mail", observed_depth: 7 },
    });
    const frame = await peer.command("purge_queue");
    const secret = decodeHmacSecret(fixture.minted.hmacSecret);
    assert.deepEqual(frame.payload["parameters"], {
      queue: "mail",
      confirm_token: await computePurgeToken(secret, "mail", 7),
      force: false,
    });
    assert.equal("confirm_token" in row.parameters, false);
  });

  it("returns to pending when the socket is gone before the frame left", async () => {
    const peer = await connect(fixture);
    const row = issue({ action: "retry_task" });
    peer.drop();
    await until(() => status(row.id) === "pending", "pending");
    const next = await connect(fixture);
    assert.equal((await next.command("retry_task")).id, row.id);
  });
});
