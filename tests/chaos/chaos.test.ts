/**
 * The kill account in short, on the runtime that runs this test. `./scripts/chaos`
 * is the long one.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { balance, holds } from "../../scripts/chaos_parts/account.ts";
import type { JournalFacts } from "../../scripts/chaos_parts/journal.ts";
import type { ChaosOptions } from "../../scripts/chaos_parts/options.ts";
import { table } from "../../scripts/chaos_parts/report.ts";
import { runChaos } from "../../scripts/chaos_parts/run.ts";
import { VARIANTS } from "../../scripts/chaos_parts/slots.ts";
import { trendOf } from "../../scripts/soak_parts/trend.ts";

const runtime = "Deno" in globalThis ? "deno" : "bun";
const variants = VARIANTS.filter((variant) => variant.runtime === runtime).map(({ name }) => name);
const LONG = { timeout: 110_000 };

function options(more: Partial<ChaosOptions>): ChaosOptions {
  return {
    seed: 20_261_124,
    kills: 40,
    events: 4000,
    brain: "embedded",
    brainRuntime: runtime,
    plant: undefined,
    variants,
    keep: false,
    ...more,
  };
}

describe("the kill account", () => {
  it(
    "runChaos() finds every resolved event exactly once when agents and brain are killed",
    LONG,
    async () => {
      const report = await runChaos(options({}));
      assert.ok(report.holds, `\n${table(report)}`);
      assert.equal(report.kills.agent + report.kills.brain, 40);
      assert.equal(report.account.recorded, 4000);
      assert.ok(report.account.resolved > 3000, `only ${report.account.resolved} were resolved`);
    },
  );

  it("runChaos() reports losses when an agent deletes before the ack", LONG, async () => {
    const { holds, account } = await runChaos(
      options({ kills: 20, events: 2000, plant: "delete-before-ack" }),
    );
    assert.equal(holds, false);
    assert.ok(account.broken.lost.length > 0);
  });

  it("runChaos() reports doubles when the brain does not dedupe", LONG, async () => {
    const { holds, account } = await runChaos(
      options({ kills: 20, events: 2000, plant: "no-dedupe" }),
    );
    assert.equal(holds, false);
    assert.ok(account.broken.doubled.length > 0);
  });
});

function journal(resolved: readonly boolean[], losses: Record<string, number> = {}): JournalFacts {
  return {
    header: null,
    losses,
    events: resolved.map((isResolved, n) => ({
      taskId: `t${n}`,
      kind: "task.sent",
      digest: `d${n}`,
      coarse: `c${n}`,
      resolved: isResolved,
    })),
  };
}

const stored = (...numbers: readonly number[]) =>
  numbers.map((n) => ({ taskId: `t${n}`, kind: "task.sent", digest: `d${n}` }));

describe("balance()", () => {
  it("balance() holds when only unresolved events are missing", () => {
    const account = balance("embedded", [journal([true, false, false])], stored(0, 1));
    assert.ok(holds(account));
    assert.equal(account.unresolvedDelivered, 1);
    assert.equal(account.unresolvedGone, 1);
  });

  it("balance() names what is lost, doubled, altered and phantom", () => {
    const rows = [...stored(1, 1, 9), { taskId: "t2", kind: "task.sent", digest: "other" }];
    const { broken } = balance("embedded", [journal([true, true, true])], rows);
    assert.deepEqual(broken, {
      lost: ["t0"],
      doubled: ["t1"],
      altered: ["t2"],
      phantom: ["t9"],
      ambiguous: [],
    });
  });

  it("balance() excuses a missing event only when its kind was counted", () => {
    const counted = journal([true, true], { "capacity task.sent": 1 });
    const { broken, countedLoss } = balance("embedded", [counted], []);
    assert.deepEqual([broken.lost.length, countedLoss], [1, 1]);
    const other = journal([true], { "capacity task.started": 1 });
    assert.equal(balance("embedded", [other], []).broken.lost.length, 1);
  });
});

describe("trendOf()", () => {
  const tolerance = { absolute: 5, share: 0 };

  it("trendOf() is flat when only the warm-up rises", () => {
    assert.ok(trendOf([0, 50, 100, 101, 99, 100, 101, 100], 2, tolerance).flat);
  });

  it("trendOf() is not flat when the measured values rise", () => {
    assert.equal(trendOf([0, 50, 100, 102, 104, 106, 108], 2, tolerance).flat, false);
  });

  it("trendOf() is not flat when there is nothing to measure", () => {
    assert.equal(trendOf([1], 1, tolerance).flat, false);
  });
});
