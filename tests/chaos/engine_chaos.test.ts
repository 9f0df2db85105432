/**
 * The engine scenario in short, with the runtime that runs this test first.
 * `./scripts/chaos --engine bullmq` is the long one.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settleAccount } from "../../scripts/chaos_parts/engine/account.ts";
import { engineTable } from "../../scripts/chaos_parts/engine/report.ts";
import { runEngineChaos } from "../../scripts/chaos_parts/engine/run.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import { withoutRedis } from "../_support/redis.ts";

const LONG = { timeout: 110_000 };

describe("the engine scenario", () => {
  it("runEngineChaos() finds every job in its final state and no event twice", LONG, async () => {
    if (withoutRedis()) return;
    const isDeno = "Deno" in globalThis;
    const report = await runEngineChaos({
      seed: 20_261_126,
      jobs: 300,
      runtimes: isDeno ? ["deno", "bun"] : ["bun", "deno"],
      redisRestarts: 1,
      freezeMs: 6_000,
      keep: false,
    });
    assert.ok(report.holds, `\n${engineTable(report)}`);
    assert.ok(report.account.jobs >= 300);
    assert.equal(report.deeds.length, 4);
  });

  it("settleAccount() notices wrong states, doubled and missing events", async () => {
    const truth = (taskId: string) => ({ taskId, state: "success", runs: 1, attempts: 1 }) as const;
    const { path, remove } = await database();
    const account = await settleAccount(["q:1", "q:2", "q:3"].map(truth), path);
    await remove();
    assert.deepEqual(account.wrong, ["q:2 failure not success", "q:3 undefined not success"]);
    assert.deepEqual(account.doubled, ["q:2 started 2 of 1"]);
    assert.deepEqual(account.missing, ["q:3 received", "q:3 started 0 of 1", "q:3 end"]);
  });
});

async function database(): Promise<{ path: string; remove(): Promise<void> }> {
  const { mkdtemp, rm } = await import("node:fs/promises");
  const folder = await mkdtemp("/tmp/z4j-account-");
  const path = `${folder}/brain.db`;
  const open = (await loadSqlite())(path);
  open.exec("CREATE TABLE tasks (task_id TEXT, state TEXT)");
  open.exec("CREATE TABLE events (task_id TEXT, kind TEXT)");
  open.exec("INSERT INTO tasks VALUES ('q:1', 'success'), ('q:2', 'failure')");
  const kinds = ["received", "started", "succeeded"];
  const values = ["q:1", "q:2"].flatMap((id) => kinds.map((kind) => `('${id}', 'task.${kind}')`));
  open.exec(`INSERT INTO events VALUES ${values.join(", ")}, ('q:2', 'task.started')`);
  open.close();
  return { path, remove: () => rm(folder, { recursive: true }) };
}
