import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { type RunningBrain, startBrain } from "../../src/brain/mod.ts";
import { agentEnv } from "../_support/agent_env.ts";
import { runScript } from "../_support/child.ts";
import { until } from "../_support/wait.ts";

// Needs what stands behind `import()`: a store, the streams, a transport, a
// session, the presence file, and the actions for the command that it waits for.
const APP = `
import { startAgent } from ${JSON.stringify(resolve("mod.ts"))};
import { manualEngine } from ${JSON.stringify(resolve("src/engines/manual/mod.ts"))};
import { cronerScheduler } from ${JSON.stringify(resolve("src/schedulers/croner/mod.ts"))};

const jobs = manualEngine();
const done = Promise.withResolvers();
jobs.task("resize", (name) => Promise.resolve(done.resolve(name)));
const agent = await startAgent({
  engines: [jobs],
  schedulers: [cronerScheduler({ jobs: [] })],
});
await agent.ready({ timeoutMs: 20_000 });
console.log("connected");
console.log("ran " + await done.promise);
const { remaining } = await agent.stop();
console.log("remaining " + remaining);
`;

describe("a bundle of an app with its agent", () => {
  const folder = mkdtempSync(join(tmpdir(), "z4j-bundled-"));
  const entry = join(folder, "app.js");
  let brain: RunningBrain;
  before(async () => {
    writeFileSync(entry, APP);
    brain = await startBrain({ port: 0, dataDir: null });
  });
  after(async () => {
    await brain.close();
    rmSync(folder, { recursive: true });
  });

  async function runs(name: string, ...flags: readonly string[]): Promise<readonly string[]> {
    const out = join(folder, name);
    const bun = resolve("node_modules/.bin/bun");
    execFileSync(bun, ["build", entry, "--minify", "--target=node", ...flags, `--outdir=${out}`], {
      stdio: "pipe",
    });
    const agent = await brain.mint(name);
    const child = runScript(join(out, "app.js"), {
      env: {
        ...agentEnv(brain, agent),
        Z4J_HOME: join(folder, `${name}-home`),
      },
    });
    try {
      await until(`the agent of ${name}`, () => child.output().includes("connected"));
      const { reader, operator, project: { id: projectId } } = brain;
      const agentId = reader.agents(projectId).find((row) => row.name === name)?.id ?? "";
      const command = operator.issueCommand({
        projectId,
        agentId,
        action: "submit_task",
        target: { type: "task", engine: "manual" },
        parameters: { name: "resize", args: ["a.png"] },
      });
      assert.ok("id" in command, JSON.stringify(command));
      assert.equal(await child.ended(), 0, child.output());
    } finally {
      child.kill("SIGKILL");
    }
    assert.match(child.output(), /ran a\.png[^]*remaining 0/);
    return readdirSync(out);
  }

  it("works as one file", async () => {
    assert.deepEqual(await runs("whole"), ["app.js"]);
  });

  it("works in chunks that are read when they are needed", async () => {
    const files = await runs("split", "--splitting");
    for (const chunk of ["open_file", "session", "agent_socket", "engine_handlers"]) {
      assert.ok(files.some((file) => file.startsWith(chunk)), `${chunk} in ${files.join(", ")}`);
    }
  });
});
