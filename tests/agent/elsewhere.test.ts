/** Which process of a token carries a command out, with neighbours that only pretend. */
import { deepStrictEqual as deepEqual, match, ok, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { createCommandPolicy, NO_POLICY } from "../../src/agent/command_policy.ts";
import type { WireResult } from "../../src/agent/command_result.ts";
import { createRouter, type Router } from "../../src/agent/elsewhere.ts";
import type { Announcement } from "../../src/agent/hello.ts";
import {
  nameOf,
  type Neighbour,
  type NeighbourAnswer,
  outcomeOf,
} from "../../src/agent/neighbours.ts";
import type { JsonObject } from "../../src/base/json.ts";
import type { ActionContext, ActionOutcome } from "../../src/engines/contract.ts";
import { parseCommandRules } from "../../src/settings/command_rule.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake_clock.ts";
import { context, received } from "../_support/command_rig.ts";

const NOTHING: Announcement = { engines: [], schedulers: [], capabilities: {} };
const BULL: Announcement = {
  engines: ["bullmq"],
  schedulers: [],
  capabilities: { bullmq: ["pool_grow", "submit_task"] },
};
const CRON: Announcement = { engines: [], schedulers: ["croner"], capabilities: {} };

const refusal: ActionOutcome = { status: "refused", reason: "not here" };
const answered = (result: WireResult): NeighbourAnswer => ({ status: "answered", result });
const success = (result: JsonObject = {}): NeighbourAnswer =>
  answered({ status: "success", result, error: null });
const refused = answered({ status: "failed", result: null, error: "not there either" });

interface Rig {
  readonly clock: FakeClock;
  readonly asked: string[];
  readonly router: Router;
  /** Routes a command about the engine or scheduler; this process answers `here`. */
  route(
    action: string,
    parameters: JsonObject,
    here?: ActionOutcome,
    given?: ActionContext,
  ): Promise<ActionOutcome>;
}

interface RigParts {
  readonly own?: Announcement;
  readonly policy?: typeof NO_POLICY;
  readonly neighbours?: (near: readonly Neighbour[]) => Promise<readonly Neighbour[]>;
  readonly near?: readonly (readonly [Announcement, NeighbourAnswer])[];
}

function rig(
  { own = NOTHING, policy = NO_POLICY, near = [], ...of }: RigParts,
): Rig {
  const clock = createFakeClock();
  const asked: string[] = [];
  const all = near.map(([announces, answer], n): Neighbour => ({
    pid: n,
    role: "task",
    announces,
    ask({ action }) {
      asked.push(`${n} ${action}`);
      return Promise.resolve(answer);
    },
  }));
  const list = of.neighbours ?? ((found) => Promise.resolve(found));
  const router = createRouter({ own, policy, clock, neighbours: () => list(all) });
  return {
    clock,
    asked,
    router,
    route: (action, parameters, here = refusal, given = context()) =>
      router(received(action, parameters), given, () => Promise.resolve(here)),
  };
}

const reasonOf = (outcome: ActionOutcome): string =>
  "reason" in outcome ? outcome.reason : outcome.status;

describe("createRouter()", () => {
  it("keeps here what any process answers alike, or whose engine is no name", async () => {
    const { route, asked } = rig({ near: [[BULL, success()]] });
    deepEqual(await route("make.coffee", {}), refusal);
    deepEqual(await route("cancel_task", { task_id: "1", engine: 7 }), refusal);
    deepEqual(asked, []);
  });

  it("asks the others for a worker that this process does not know", async () => {
    const parameters = { engine: "bullmq", worker_name: "w" };
    const both = rig({ own: BULL, near: [[BULL, refused], [BULL, success({ pool: 3 })]] });
    deepEqual(await both.route("pool_grow", parameters), { status: "done", result: { pool: 3 } });
    deepEqual(both.asked, ["0 pool_grow", "1 pool_grow"]);
    const nobody = rig({ own: BULL, near: [[BULL, refused]] });
    deepEqual(await nobody.route("pool_grow", parameters), refusal);
    deepEqual(nobody.asked, ["0 pool_grow"]);
    const alone = rig({ own: BULL, near: [[CRON, success()]] });
    deepEqual(await alone.route("pool_grow", parameters), refusal);
    const known = rig({ own: BULL, near: [[BULL, success()]] });
    const done: ActionOutcome = { status: "done", result: {} };
    deepEqual(await known.route("pool_grow", parameters, done), done);
    // What is no action on a worker is not passed on by a process that has the engine.
    deepEqual(await known.route("submit_task", { engine: "bullmq", name: "n" }), refusal);
    deepEqual([...alone.asked, ...known.asked], []);
  });

  it("passes nothing on that its own policy forbids", async () => {
    const deny = parseCommandRules(["pool_grow"]);
    ok(deny.ok);
    const policy = createCommandPolicy({ allow: [], deny: deny.value, readOnly: false });
    const { route, asked } = rig({ own: BULL, policy, near: [[BULL, success()]] });
    deepEqual(await route("pool_grow", { engine: "bullmq", worker_name: "w" }), refusal);
    deepEqual(asked, []);
  });

  it("lets one that can go before this process, which has the engine alone", async () => {
    const poor = { ...BULL, capabilities: {} };
    const able = rig({ own: poor, near: [[poor, success()], [BULL, success({ by: "able" })]] });
    deepEqual(await able.route("submit_task", { engine: "bullmq", name: "n" }), {
      status: "done",
      result: { by: "able" },
    });
    deepEqual(able.asked, ["1 submit_task"]);
    const none = rig({ own: poor, near: [[poor, success()]] });
    deepEqual(await none.route("submit_task", { engine: "bullmq", name: "n" }), refusal);
    deepEqual(none.asked, []);
  });

  it("never passes on what belongs to the stream of a connection", async () => {
    const { route, asked } = rig({ near: [[CRON, success()]] });
    const outcome = await route("schedule.external.mutate", { scheduler: "croner" });
    match(reasonOf(outcome), /by the task process 0 .*belongs to its own connection.*second token/);
    deepEqual(asked, []);
  });

  it("says what to do where nobody has it, and adds nothing to what is no refusal", async () => {
    const { route } = rig({});
    match(
      reasonOf(await route("cancel_task", { task_id: "1", engine: "bullmq" })),
      /^not here, nor by another process on this token/,
    );
    const failed: ActionOutcome = { status: "failed", error: "broken" };
    deepEqual(await route("cancel_task", { task_id: "1", engine: "bullmq" }, failed), failed);
  });

  it("asks nobody when there is no time, and nobody after the command was given up", async () => {
    const parameters = { task_id: "1", engine: "bullmq" };
    const late = rig({ near: [[BULL, success()]] });
    const outcome = await late.route("cancel_task", parameters, refusal, context(0));
    match(reasonOf(outcome), /there was no time left/);
    const aborted = { signal: AbortSignal.abort(), remainingMs: 60_000 };
    await late.route("cancel_task", parameters, refusal, aborted);
    deepEqual(late.asked, []);
  });

  it("goes on alone when the neighbours cannot be looked up", async () => {
    const parameters = { task_id: "1", engine: "bullmq" };
    const broken = rig({ neighbours: () => Promise.reject(new Error("no such folder")) });
    match(reasonOf(await broken.route("cancel_task", parameters)), /^not here, nor by another/);
    const dead = rig({ neighbours: () => new Promise(() => {}) });
    const answer = dead.route("cancel_task", parameters);
    await dead.clock.advanceAsync(2000);
    match(reasonOf(await answer), /^not here, nor by another/);
  });

  it("tells which process may have done it, when its answer was lost", async () => {
    const lost: NeighbourAnswer = { status: "lost", reason: "the socket closed" };
    const { route, asked } = rig({ near: [[BULL, lost], [BULL, success()]] });
    const outcome = await route("submit_task", { engine: "bullmq", name: "n" });
    equal(outcome.status, "indeterminate");
    match(reasonOf(outcome), /^the task process 0 took the command: the socket closed/);
    deepEqual(asked, ["0 submit_task"]);
  });
});

describe("schedule.resync", () => {
  const own: ActionOutcome = { status: "done", result: { schedulers_drained: 1 } };
  const nothing: ActionOutcome = { status: "done", result: { schedulers_drained: 0 } };

  it("sums up what all processes published, also those that do not count", async () => {
    const near = [[CRON, success({ schedulers_drained: 2 })], [CRON, success()]] as const;
    const outcome = await rig({ own: CRON, near }).route("schedule.resync", {}, own);
    deepEqual(outcome, { status: "done", result: { schedulers_drained: 3 } });
  });

  it("fails as this process fails, whatever the others did", async () => {
    const near = [[CRON, success({ schedulers_drained: 2 })]] as const;
    const { route } = rig({ own: CRON, near });
    deepEqual(await route("schedule.resync", {}, refusal), refusal);
  });

  it("fails where no process with a scheduler did it", async () => {
    const told = rig({ near: [[CRON, refused]] });
    deepEqual(await told.route("schedule.resync", {}, nothing), {
      status: "refused",
      reason: "not there either",
    });
    const unreached: NeighbourAnswer = { status: "unreached", reason: "connection refused" };
    const gone = rig({ near: [[CRON, unreached]] });
    match(
      reasonOf(await gone.route("schedule.resync", {}, nothing)),
      /no scheduler is watched by this process, but by the task process 0 .*connection refused/,
    );
    const late = rig({ near: [[CRON, success()]] });
    match(
      reasonOf(await late.route("schedule.resync", {}, nothing, context(0))),
      /there was no time left/,
    );
  });
});

describe("what a neighbour answered", () => {
  it("keeps how certain it is", () => {
    const failed = (result: JsonObject | null, error: string | null = "no"): ActionOutcome =>
      outcomeOf({ status: "failed", result, error });
    deepEqual(failed(null), { status: "refused", reason: "no" });
    deepEqual(failed(null, null), { status: "refused", reason: "failed without a message" });
    deepEqual(failed({ indeterminate: true, n: 1 }), {
      status: "indeterminate",
      reason: "no",
      result: { n: 1 },
    });
    deepEqual(failed({ n: 1 }), { status: "failed", error: "no", result: { n: 1 } });
    deepEqual(outcomeOf({ status: "success", result: null, error: null }), {
      status: "done",
      result: {},
    });
  });

  it("comes from a process that has a role or none", () => {
    const ask = (): Promise<NeighbourAnswer> => Promise.resolve(success());
    equal(nameOf({ pid: 7, role: null, announces: NOTHING, ask }), "process 7");
    equal(nameOf({ pid: 7, role: "web", announces: NOTHING, ask }), "the web process 7");
  });
});
