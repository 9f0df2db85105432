import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { startBrain } from "../../../src/brain/mod.ts";
import { readPresence } from "../../../src/presence/read.ts";
import { agentEnv } from "../../_support/agent_env.ts";
import { type Child, runScript } from "../../_support/child.ts";
import { freePort } from "../../_support/free_port.ts";
import { until } from "../../_support/wait.ts";

describe("Bun.serve with reusePort", () => {
  it("has one agent for each of four processes, and one role", async () => {
    const home = mkdtempSync(join(tmpdir(), "z4j-port-"));
    await using brain = await startBrain({ port: 0, dataDir: null });
    const minted = await brain.mint("port");
    const env = {
      PORT: String(await freePort()),
      REUSE_PORT: "1",
      ...agentEnv(brain, minted),
      Z4J_HOME: home,
    };
    const children: Child[] = [];
    try {
      for (let n = 0; n < 4; n++) children.push(runScript("examples/hono-bun/main.ts", { env }));
      const workers = () =>
        brain.reader.agentWorkers(brain.project.id).filter(({ state }) => state === "online");
      await until("four sessions", () => workers().length === 4);
      assert.equal(new Set(workers().map(({ workerId }) => workerId)).size, 4);
      const shown = await until("four files", async () => {
        const all = await readPresence(home);
        return all.length === 4 ? all : undefined;
      });
      assert.deepEqual([...new Set(shown.map(({ role }) => role))], ["web"]);
      for (const child of children) child.kill("SIGTERM");
      for (const child of children) await child.ended();
      await until("no session", () => workers().length === 0);
      assert.deepEqual(await readPresence(home), []);
    } finally {
      for (const child of children) child.kill("SIGKILL");
      rmSync(home, { recursive: true, force: true });
    }
  });
});
