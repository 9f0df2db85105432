/** Commands on workers at the embedded brain: the process that gets them has none. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Cron } from "croner";
import { createAgent, type ManagedAgent } from "../../mod.ts";
import { noopLogger } from "../../src/base/logger.ts";
import { startBrain } from "../../src/brain/mod.ts";
import { cronerScheduler } from "../../src/schedulers/croner/mod.ts";
import { agentEnv } from "../_support/agent_env.ts";
import { type Child, runScript } from "../_support/child.ts";
import { until } from "../_support/wait.ts";

const WAIT_MS = 60_000;
const NAMES = ["north", "south"] as const;
type Told = Readonly<Record<string, unknown>>;

let home: string;
let brain: Awaited<ReturnType<typeof startBrain>>;
let agentId: string;
let first: ManagedAgent;
const job = new Cron("0 0 1 1 *", { name: "yearly" }, () => {});
const children = new Map<string, Child>();
const got: string[] = [];

before(async () => {
  home = mkdtempSync(join(tmpdir(), "z4j-steer-"));
  brain = await startBrain({ port: 0, dataDir: null });
  const minted = await brain.mint("fleet");
  agentId = minted.agent.id;
  const env = {
    ...agentEnv(brain, minted),
    Z4J_HOME: home,
    NODE_TEST_CONTEXT: "",
  };
  // With schedules it is of use, and does not make way for the workers.
  first = createAgent({ env, logger: noopLogger, schedulers: [cronerScheduler({ jobs: [job] })] });
  first.on("command", ({ action }) => got.push(action));
  await first.start();
  await first.ready({ timeoutMs: WAIT_MS });
  for (const name of NAMES) {
    children.set(name, runScript("tests/_support/steered_child.ts", { args: [name], env }));
  }
  for (const child of children.values()) {
    await until(`up: ${child.output()}`, () => child.output().includes("steered up"), WAIT_MS);
  }
}, { timeout: 120_000 });

after(async () => {
  for (const child of children.values()) child.kill("SIGKILL");
  await first?.stop({ timeoutMs: 200 });
  job.stop();
  await brain?.close();
  rmSync(home, { recursive: true, force: true });
});

async function call(method: string, path: string, body?: Told): Promise<Told> {
  const response = await fetch(`${brain.baseUrl}/api/v1/projects/${brain.project.slug}/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${brain.apiToken}`,
      "content-type": "application/json",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = await response.json() as Told;
  if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

/** Gives an order to a worker; its row at the end. */
async function steer(worker: string, name: string, more: Told): Promise<Told> {
  const body = { agent_id: agentId, engine: "manual", worker_name: worker, ...more };
  // The brain hears of a worker by its first event.
  const { id } = await until(name, () => call("POST", `commands/${name}`, body), WAIT_MS);
  return await until(`end of ${name}`, async () => {
    const row = await call("GET", `commands/${id}`);
    return ["completed", "failed", "timeout"].includes(String(row["status"])) ? row : undefined;
  }, WAIT_MS);
}

describe("embedded brain: workers of processes that share a token", () => {
  const orders = [
    ["pool-resize", { delta: 2 }, "grow 2", "pool_grow"],
    ["pool-resize", { delta: -1 }, "shrink 1", "pool_shrink"],
    ["cancel-consumer", { queue: "mail" }, "cancel mail", "cancel_consumer"],
    ["add-consumer", { queue: "mail" }, "add mail", "add_consumer"],
    ["restart-worker", {}, "restart", "restart_worker"],
  ] as const;
  for (const [name, more, told, action] of orders) {
    it(`${told}: reaches the one process that has the worker`, async () => {
      for (const worker of NAMES) {
        const { status, result, error } = await steer(worker, name, more);
        assert.equal(status, "completed", String(error));
        assert.deepEqual(result, { worker, took: told });
        const other = worker === "north" ? "south" : "north";
        const count = (of: string): number =>
          children.get(of)?.output().split("\n").filter((line) => line === `took ${told}`).length ??
            0;
        await until("its line", () => count(worker) === 1, WAIT_MS);
        assert.equal(count(other), worker === "north" ? 0 : 1);
      }
      // All of them went through the process that has no worker.
      assert.equal(got.filter((one) => one === action).length, 2);
    });
  }
});
