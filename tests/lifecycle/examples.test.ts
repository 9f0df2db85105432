import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { startBrain } from "../../src/brain/mod.ts";
import { agentEnv } from "../_support/agent_env.ts";
import { runScript } from "../_support/child.ts";
import { freePort } from "../_support/free_port.ts";
import { until } from "../_support/wait.ts";

type Brain = Awaited<ReturnType<typeof startBrain>>;

const tasks = (brain: Brain): number =>
  brain.reader.tasks(brain.project.id, { limit: 50 }).items
    .filter(({ state }) => state === "success").length;

async function withBrain(
  use: (brain: Brain, env: Record<string, string>) => Promise<void>,
): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "z4j-example-"));
  try {
    await using brain = await startBrain({ port: 0, dataDir: null });
    const minted = await brain.mint("example");
    await use(brain, {
      ...agentEnv(brain, minted),
      Z4J_HOME: home,
      NODE_TEST_CONTEXT: "",
      npm_lifecycle_event: "",
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const web = "Deno" in globalThis ? "hono-deno" : "Bun" in globalThis ? "hono-bun" : null;

describe("examples", () => {
  it("worker reports its jobs and ends by itself", () =>
    withBrain(async (brain, env) => {
      const child = runScript("examples/worker/main.ts", { env });
      assert.equal(await child.ended(), 0, child.output());
      assert.match(child.output(), /c\.png\.small/);
      await until("three tasks", () => tasks(brain) === 3);
    }));

  if (web === null) return;
  it(`${web} reports the work of a request, and ends on SIGTERM`, () =>
    withBrain(async (brain, env) => {
      const port = await freePort();
      const child = runScript(`examples/${web}/main.ts`, { env: { ...env, PORT: String(port) } });
      try {
        await until("a connected app", async () => {
          const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
          return (await answer.json() as { readonly state: string }).state === "connected";
        });
        const answer = await fetch(`http://127.0.0.1:${port}/mails`, { method: "POST" });
        assert.deepEqual([answer.status, await answer.json()], [202, {
          sentTo: "user@example.com",
        }]);
        await until("its task", () => tasks(brain) === 1);
        child.kill("SIGTERM");
        // Bun's has no handler of its own, so it ends by the signal.
        assert.equal(await child.ended(), web === "hono-bun" ? null : 0);
      } finally {
        child.kill("SIGKILL");
      }
    }));
});
