import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { startBrain } from "../../src/brain/mod.ts";
import { readPresence } from "../../src/presence/read.ts";
import { agentEnv } from "../_support/agent_env.ts";
import { type Child, runScript } from "../_support/child.ts";
import { until } from "../_support/wait.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Bed {
  readonly home: string;
  readonly brain: Awaited<ReturnType<typeof startBrain>>;
  run(mode: string): Child;
  /** Tasks that the brain has, by state. */
  tasks(): number;
  online(): number;
}

async function bed(): Promise<Bed> {
  const home = mkdtempSync(join(tmpdir(), "z4j-life-"));
  cleanups.push(() => rmSync(home, { recursive: true, force: true }));
  const brain = await startBrain({ port: 0, dataDir: null });
  cleanups.push(() => brain[Symbol.asyncDispose]());
  const minted = await brain.mint("life");
  const env = {
    ...agentEnv(brain, minted),
    Z4J_HOME: home,
    // The runner's mark belongs to this process, not to the host that it plays.
    NODE_TEST_CONTEXT: "",
  };
  return {
    home,
    brain,
    run(mode) {
      const child = runScript("tests/_support/host_child.ts", { args: [mode], env });
      cleanups.push(() => child.kill("SIGKILL"));
      return child;
    },
    tasks: () => brain.reader.tasks(brain.project.id, { limit: 200 }).items.length,
    online: () =>
      brain.reader.agentWorkers(brain.project.id).filter(({ state }) => state === "online").length,
  };
}

const says = (child: Child, what: string): Promise<unknown> =>
  until(`"${what}" in ${child.output()}`, () => child.output().includes(what));

describe("a host in a process of its own", () => {
  it("ends by itself right after its last line, and what it recorded has arrived", async () => {
    const { run, tasks, home } = await bed();
    const took: number[] = [];
    // On a machine that is busy with other things the best of several counts.
    while (took.length < 6 && (took.at(-1) ?? Infinity) > 100) {
      const child = run("script");
      assert.equal(await child.ended(), 0);
      took.push(Number(/ended (\d+)/.exec(child.output())?.[1]));
      await until("its task", () => tasks() === took.length);
    }
    assert.ok(Math.min(...took) <= 100, `${took} ms after the last line`);
    assert.deepEqual(await readPresence(home), []);
  });

  it("flushes within 2 s of SIGTERM in the middle of 1 000 jobs, and the host decides", async () => {
    const { run, brain } = await bed();
    const child = run("jobs");
    await says(child, "working");
    await until(
      "some jobs",
      () => brain.reader.tasks(brain.project.id, { limit: 50 }).items.length > 20,
    );
    child.kill("SIGTERM");
    assert.equal(await child.ended(), 0);
    assert.match(child.output(), /signal \d+\n/);
    assert.match(child.output(), /host ends stopped/);
    const open = brain.reader.tasks(brain.project.id, { limit: 200 }).items
      .filter(({ state }) => state === "started" || state === "pending");
    assert.ok(open.length <= 10, `${open.length} tasks without an end`);
  });

  it("loses nothing that was on disk when it dies of an error of its own", async () => {
    const { run, tasks } = await bed();
    const child = run("throws");
    assert.notEqual(await child.ended(), 0);
    assert.match(child.output(), /of the host/);
    run("idle");
    await until("all tasks", () => tasks() === 20);
  });

  it("reconnects at most once when it blocks its event loop for 5 s", async () => {
    const { run } = await bed();
    const child = run("blocked");
    assert.equal(await child.ended(30_000), 0);
    const [, state, reconnects] = /after (\w+) (\d+)/.exec(child.output()) ?? [];
    assert.equal(state, "connected", child.output());
    assert.equal(reconnects, "0");
  });

  it("gets no warning about listeners with twelve agents", async () => {
    const { run } = await bed();
    const child = run("many");
    assert.equal(await child.ended(), 0);
    assert.match(child.output(), /many 12/);
    assert.doesNotMatch(child.output(), /MaxListeners/);
  });

  it("has agents in the workers of a cluster, and none in the primary", async () => {
    const { run, online } = await bed();
    const child = run("clustered");
    await says(child, "rule cluster-primary");
    await until("two workers", () => online() === 2);
    child.kill("SIGTERM");
    await child.ended();
  });
});
