/**
 * Schedules and commands against the real brain 1.13.0, with agents in this
 * process: what a restart without an old schedule does, and the brain's own
 * schedules that arrive as commands.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Cron } from "croner";
import { createAgent, type ManagedAgent } from "../../mod.ts";
import { noopLogger } from "../../src/base/logger.ts";
import { type ManualEngine, manualEngine } from "../../src/engines/manual/mod.ts";
import { cronerScheduler } from "../../src/schedulers/croner/mod.ts";
import { startStockBrain, type StockBrain } from "../_support/stock_brain.ts";
import { createStockSchedule } from "../_support/stock_schedules.ts";
import { until } from "../_support/wait.ts";

interface Schedule {
  readonly id: string;
  readonly name: string;
  readonly scheduler: string;
  readonly is_enabled: boolean;
}
interface Command {
  readonly id: string;
  readonly action: string;
  readonly status: string;
  readonly result: Readonly<Record<string, unknown>> | null;
}

let brain: StockBrain;
let home: string;

before(async () => {
  home = mkdtempSync(join(tmpdir(), "z4j-schedules-"));
  brain = await startStockBrain(["app"]);
}, { timeout: 60_000 });

after(async () => {
  await brain?.close();
  rmSync(home, { recursive: true, force: true });
}, { timeout: 60_000 });

async function startWith(jobs: readonly Cron[], engine?: ManualEngine): Promise<ManagedAgent> {
  const [minted] = brain.agents;
  assert.ok(minted);
  const agent = createAgent({
    env: { ...brain.env(minted), Z4J_HOME: home },
    logger: noopLogger,
    engines: engine === undefined ? [] : [engine],
    schedulers: [cronerScheduler({ jobs })],
  });
  await agent.start();
  await agent.ready();
  return agent;
}

const schedules = async (): Promise<readonly Schedule[]> =>
  (await brain.get<{ items: readonly Schedule[] }>("schedules?limit=50")).items;

const names = async (): Promise<string> =>
  (await schedules()).filter(({ scheduler }) => scheduler === "croner").map(({ name }) => name)
    .sort().join();

const commands = async (action: string): Promise<readonly Command[]> =>
  (await brain.get<{ items: readonly Command[] }>("commands?limit=100")).items
    .filter((command) => command.action === action);

const cron = (name: string, run: () => void = () => {}): Cron =>
  new Cron("0 0 1 1 *", { name, catch: true }, run);

describe("stock brain: a schedule that vanished while the agent was away", () => {
  it("is removed, and the stream of the others works on", async () => {
    const first = [cron("stays"), cron("goes")];
    const before = await startWith(first);
    await until("both schedules", async () => await names() === "goes,stays");
    await before.stop();
    for (const job of first) job.stop();

    let runs = 0;
    const [stays] = [cron("stays", () => runs++)];
    const agent = await startWith([stays]);
    try {
      await until("only one schedule", async () => await names() === "stays", 30_000);
      const row = (await schedules()).find(({ name }) => name === "stays");
      assert.ok(row);
      // A blocked stream would answer 409, or take the command and never confirm it.
      await until(
        "accepted trigger",
        async () => (await brain.post(`schedules/${row.id}/trigger`)).status === 200,
      );
      await until("a run", () => runs > 0);
    } finally {
      await agent.stop();
      stays.stop();
    }
  });
});

describe("stock brain: commands", () => {
  it("runs submit_task and answers with the new task", async () => {
    const engine = manualEngine();
    const seen: unknown[] = [];
    engine.task("greet", (...inputs: unknown[]) => {
      seen.push(...inputs);
      return Promise.resolve("hello");
    });
    const agent = await startWith([], engine);
    try {
      const id = await createStockSchedule(brain, {
        name: "greet-once",
        engine: "manual",
        task_name: "greet",
        args: ["Ada"],
      });
      assert.equal((await brain.post(`schedules/${id}/trigger`)).status, 200);
      const [command] = await until("completed submit_task", async () => {
        const found = (await commands("submit_task")).filter(({ status }) =>
          status === "completed"
        );
        return found.length > 0 ? found : undefined;
      });
      assert.deepEqual(seen, ["Ada"]);
      const taskId = command?.result?.["task_id"];
      assert.equal(typeof taskId, "string");
      const task = await until("successful task", async () => {
        const found = await brain.get<{ state: string; name: string; result: unknown }>(
          `tasks/manual/${encodeURIComponent(String(taskId))}`,
        );
        return found.state === "success" ? found : undefined;
      });
      assert.equal(task.name, "greet");
      assert.equal(task.result, "hello");
    } finally {
      await agent.stop();
    }
  });

  it("answers schedule.resync", async () => {
    const job = cron("resynced");
    const agent = await startWith([job]);
    try {
      await until("the schedule", async () => (await names()).includes("resynced"), 30_000);
      // On SQLite this brain answers 500 and delivers the command all the same.
      await brain.post("schedules:resync");
      const [command] = await until("completed resync", async () => {
        const found = (await commands("schedule.resync")).filter(({ status }) =>
          status === "completed"
        );
        return found.length > 0 ? found : undefined;
      });
      assert.equal(command?.result?.["schedulers_drained"], 1);
    } finally {
      await agent.stop();
      job.stop();
    }
  });
});
