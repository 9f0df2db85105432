import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { Agent } from "../../src/agent/agent_types.ts";
import {
  type CommandPolicy,
  createCommandPolicy,
  NO_POLICY,
} from "../../src/agent/command_policy.ts";
import { readCommand, type ReceivedCommand } from "../../src/agent/commands.ts";
import type { JsonObject } from "../../src/base/json.ts";
import type { Engine } from "../../src/engines/contract.ts";
import { parseCommandRules } from "../../src/settings/command_rule.ts";
import type { CommandInput, FakeBrain } from "../../src/testing/fake_brain.ts";
import { createRigAgent, startTestBrain, until } from "../_support/agent_rig.ts";

interface Lists {
  readonly allow?: readonly unknown[];
  readonly deny?: readonly unknown[];
  readonly readOnly?: boolean;
}

function policyOf({ allow = [], deny = [], readOnly = false }: Lists): CommandPolicy {
  const [allowed, denied] = [parseCommandRules(allow), parseCommandRules(deny)];
  assert.ok(allowed.ok && denied.ok);
  return createCommandPolicy({ allow: allowed.value, deny: denied.value, readOnly });
}

function command(action: string, parameters: JsonObject = {}, target: JsonObject = {}) {
  const payload = { action, parameters, target };
  return readCommand({ id: "1", payload } as unknown as Parameters<typeof readCommand>[0]);
}

const purge = (queue: string | null): ReceivedCommand =>
  command("purge_queue", { queue, force: true }, { type: "queue", id: queue });
const retry = (taskId: string, more: JsonObject = {}): ReceivedCommand =>
  command("retry_task", { task_id: taskId, ...more }, { type: "task", id: `bullmq:${taskId}` });
const bulk = (...ids: readonly string[]): ReceivedCommand =>
  command("bulk_retry", { max: 9, filter: { engine: "bullmq", queue: "mail", task_ids: ids } });

/** Whether each command goes on. */
function verdicts(lists: Lists, ...commands: readonly ReceivedCommand[]): readonly boolean[] {
  const policy = policyOf(lists);
  return commands.map((one) => policy.refusal(one) === null);
}

describe("createCommandPolicy()", () => {
  it("allows everything unless told otherwise", () => {
    assert.equal(policyOf({}), NO_POLICY);
    assert.deepEqual(verdicts({}, purge("mail"), retry("mail:1")), [true, true]);
  });

  it("denies actions by pattern, and names the rule", () => {
    const lists = { deny: ["purge_queue", "schedule.*"] };
    assert.deepEqual(
      verdicts(lists, purge("mail"), retry("mail:1"), command("schedule.fire", { task_name: "x" })),
      [false, true, false],
    );
    assert.match(policyOf(lists).refusal(purge("mail")) ?? "", /forbids.*"purge_queue"/);
    assert.match(
      policyOf({ deny: [{ action: "*", queue: "two words" }] }).refusal(purge("two words")) ?? "",
      /"\* queue=two words"/,
    );
  });

  it("denies by queue, whichever part of a command tells it", () => {
    const lists = { deny: ["* queue=pay*"] };
    assert.deepEqual(
      verdicts(
        lists,
        purge("payments"),
        purge("mail"),
        command("purge_queue", { queue: "mail" }, { type: "queue", id: "payments" }),
        retry("payments:1"),
        retry("mail:1", { queue: "mail" }),
        bulk("mail:1", "payments:2"),
        bulk("mail:1", "mail:2"),
        command("submit_task", { name: "x", queue: "payments" }),
      ),
      [false, true, false, false, true, false, true, false],
    );
  });

  it("fails closed where a command leaves open what it is about", () => {
    const deny = { deny: ["* queue=payments"] };
    const allow = { allow: ["* queue=mail"] };
    // A forged queue must not stand in for an id that names none.
    const open = [
      purge(null),
      retry("0b7c", { queue: "mail" }),
      bulk("mail:1", "0b7c"),
      command("submit_task", { name: "x" }),
    ];
    assert.deepEqual(verdicts(deny, ...open), open.map(() => false));
    assert.deepEqual(verdicts(allow, ...open), open.map(() => false));
    // The name of a job that is found by its id is the brain's claim.
    const claim = retry("mail:1", { task_name: "harmless" });
    assert.deepEqual(verdicts({ deny: ["* task=charge"] }, claim), [false]);
    assert.deepEqual(verdicts({ allow: ["* task=harmless"] }, claim), [false]);
    const named = command("submit_task", { name: "harmless", queue: "mail" });
    assert.deepEqual(verdicts({ deny: ["* task=charge"] }, named), [true]);
  });

  it("carries out only what allow covers, and what only looks", () => {
    const lists = { allow: ["retry_task queue=mail*", "cancel_task"], deny: ["* queue=mail-vip"] };
    assert.deepEqual(
      verdicts(
        lists,
        retry("mail:1"),
        retry("mail-vip:1"),
        retry("other:1"),
        purge("mail"),
        command("cancel_task", { task_id: "other:1" }),
        command("reconcile_task", { task_id: "mail:1" }),
        command("unheard_of", {}),
      ),
      [true, false, false, false, true, true, false],
    );
  });

  it("judges workers, schedules and engines", () => {
    const restart = command(
      "restart_worker",
      { worker_name: "web-1", engine: "bullmq" },
      { type: "worker", id: "web-1" },
    );
    const mutate = command("schedule.external.mutate", {
      schedule_id: null,
      owner: "croner",
      definition: { name: "nightly", task_name: "wipe", queue: "mail" },
    });
    assert.deepEqual(verdicts({ deny: ["* worker=web-*"] }, restart), [false]);
    assert.deepEqual(verdicts({ deny: ["* worker=batch-*"] }, restart), [true]);
    assert.deepEqual(verdicts({ deny: ["* engine=bullmq"] }, restart), [false]);
    assert.deepEqual(verdicts({ deny: ["schedule.external.* task=wipe"] }, mutate), [false]);
    assert.deepEqual(verdicts({ deny: ["* schedule=night*"] }, mutate), [false]);
    assert.deepEqual(verdicts({ deny: ["* schedule=daily"] }, mutate), [true]);
  });

  it("takes the target of a limit for a task, and that of other actions for a job", () => {
    const limits = [
      command("rate_limit", { rate: "1", task_name: "send" }),
      command("rate_limit", { rate: "1" }, { type: "task", id: "send" }),
    ];
    assert.deepEqual(verdicts({ deny: ["* task=send"] }, ...limits), [false, false]);
    assert.deepEqual(verdicts({ deny: ["* task=other"] }, ...limits), [true, true]);
    // A limit is about no queue that its task could tell: a rule of queues fails closed.
    assert.deepEqual(verdicts({ deny: ["* queue=mail"] }, ...limits), [false, false]);
    const named = command("rate_limit", { rate: "1" }, { type: "task", id: "mail:send" });
    assert.deepEqual(verdicts({ deny: ["* queue=sms"] }, named), [false]);
    const cancels = [
      command("cancel_task", {}, { type: "task", id: "bullmq:mail:1", engine: "bullmq" }),
      command("cancel_task", { engine: "bullmq" }, { type: "task", id: "bullmq:mail:1" }),
      command("cancel_task", {}, { type: "task", id: "mail:1" }),
    ];
    assert.deepEqual(verdicts({ deny: ["* queue=mail"] }, ...cancels), [false, false, false]);
    assert.deepEqual(verdicts({ deny: ["* queue=sms"] }, ...cancels), [true, true, true]);
  });

  it("is read-only where it should be", () => {
    assert.deepEqual(
      verdicts(
        { readOnly: true, allow: ["*"] },
        purge("mail"),
        retry("mail:1"),
        command("dlq.list", { queue: null }),
        command("reconcile_task", { task_id: "mail:1" }),
        command("schedule.external.activate", {}),
        command("schedule.external.control", {}),
      ),
      [false, false, true, true, true, false],
    );
  });
});

describe("parseCommandRules()", () => {
  it("refuses what is no rule, and never quotes it", () => {
    const wrong: readonly unknown[] = [
      "purge_queue",
      [""],
      ["Purge!"],
      ["purge_queue queue"],
      ["purge_queue queue="],
      ["purge_queue user=x"],
      [7],
      [{ action: "x", user: "y" }],
      [{ queue: "y" }],
      [{ action: "x", queue: "" }],
      Array.from({ length: 201 }, () => "x"),
    ];
    for (const list of wrong) assert.equal(parseCommandRules(list).ok, false, JSON.stringify(list));
  });
});

let agent: Agent | undefined;
let brain: FakeBrain | undefined;

afterEach(async () => {
  await agent?.stop({ timeoutMs: 200 });
  await brain?.close();
});

const CAPABILITIES = [
  "submit_task",
  "retry_task",
  "purge_queue",
  "list_dead_letters",
  "bulk_retry",
  "retry_by_reference_v1",
] as const;

async function connect(lists: Lists): Promise<{ touched: string[]; brain: FakeBrain }> {
  const touched: string[] = [];
  const touch = (name: string) => () => {
    touched.push(name);
    return Promise.resolve({ status: "done", result: {} } as const);
  };
  const engine: Engine = {
    name: "bullmq",
    capabilities: CAPABILITIES,
    attach() {},
    detach() {},
    actions: { submit: touch("submit"), retry: touch("retry") },
  };
  brain = await startTestBrain();
  agent = createRigAgent(brain.url, {
    engines: [engine],
    policy: policyOf(lists),
    commands: (registry) => registry.register("purge_queue", touch("purge")),
  });
  await agent.start();
  await agent.ready({ timeoutMs: 20_000 });
  return { touched, brain };
}

async function answer(server: FakeBrain, action: string, more: CommandInput): Promise<JsonObject> {
  const id = await server.command(action, more);
  const results = () =>
    server.frames.filter(({ frame }) => frame.type === "command_result" && frame.id === id);
  await until(`the answer to ${action}`, () => results().length > 0, 20_000);
  return results()[0]?.frame.payload ?? {};
}

describe("a process that forbids", () => {
  it("refuses a forged command that is signed rightly, before any engine is touched", async () => {
    const { touched, brain } = await connect({ deny: ["purge_queue", "* queue=payments"] });
    const purged = await answer(brain, "purge_queue", {
      target: { type: "queue", id: "mail" },
      parameters: { queue: "mail", force: true },
    });
    assert.equal(purged["status"], "failed");
    assert.match(String(purged["error"]), /this process forbids it.*commands\.deny.*"purge_queue"/);
    const retried = await answer(brain, "retry_task", { parameters: { task_id: "payments:1" } });
    assert.match(String(retried["error"]), /"\* queue=payments"/);
    assert.deepEqual(touched, []);
    const other = await answer(brain, "retry_task", { parameters: { task_id: "mail:1" } });
    assert.equal(other["status"], "success");
    assert.deepEqual(touched, ["retry"]);
    const counts = agent?.metrics().commands ?? [];
    assert.deepEqual(
      counts.map(({ action, status, count }) => `${action} ${status} ${count}`).sort(),
      ["purge_queue forbidden 1", "retry_task forbidden 1", "retry_task success 1"],
    );
  });

  it("announces only what it would carry out", async () => {
    const announced = async (lists: Lists): Promise<readonly string[]> => {
      const { brain } = await connect(lists);
      const found = brain.hellos[0]?.capabilities["bullmq"] ?? [];
      await agent?.stop();
      await brain.close();
      return found;
    };
    assert.deepEqual(await announced({}), CAPABILITIES);
    assert.deepEqual(await announced({ readOnly: true }), ["list_dead_letters"]);
    assert.deepEqual(await announced({ deny: ["purge_queue", "retry_task queue=x"] }), [
      "submit_task",
      "retry_task",
      "list_dead_letters",
      "bulk_retry",
      "retry_by_reference_v1",
    ]);
    assert.deepEqual(await announced({ allow: ["bulk_retry queue=x"] }), [
      "list_dead_letters",
      "bulk_retry",
      "retry_by_reference_v1",
    ]);
  });
});
