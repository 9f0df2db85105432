import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { type AgentOptions, createAgent } from "../../mod.ts";
import { readPresence } from "../../src/presence/mod.ts";
import { openPresenceFolder } from "../../src/presence/folder.ts";
import { systemClock } from "../../src/base/clock.ts";
import { covers, unionOf } from "../../src/presence/union.ts";
import { runScript } from "../_support/child.ts";
import { until } from "../_support/wait.ts";

const SECRET = "7evILwhbDhZeulVhVxCnIGm7vqLXyJ0K_1C1dpv4-HA=";
const silent = { debug() {}, info() {}, warn() {}, error() {} };

describe("presence files", () => {
  let home: string;
  before(() => {
    home = mkdtempSync(join(tmpdir(), "z4j-presence-"));
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  const options = (more: AgentOptions = {}): AgentOptions => ({
    // Nothing listens there: the agent keeps trying.
    brainUrl: "http://127.0.0.1:1",
    token: "token-canary",
    hmacSecret: SECRET,
    projectId: "default",
    home,
    env: false,
    logger: silent,
    ...more,
  });

  it("shows a running agent without a secret, and goes with it", async () => {
    const agent = createAgent(options({ agentName: "mail", workerRole: "scheduler" }));
    await agent.start();
    const [shown] = await until("its file", async () => {
      const all = await readPresence(home);
      return all[0]?.status.state === "waiting" ? all : null;
    });
    assert.equal(shown?.pid, process.pid);
    assert.equal(shown.role, "scheduler");
    assert.equal(shown.agentName, "mail");
    assert.equal(shown.status.lastError?.class, "connection");
    assert.equal(shown.status.buffer?.count, 0);
    assert.match(shown.bufferPath ?? "", /buffer-\d+\.sqlite$/);
    assert.match(shown.tokenFingerprint, /^[0-9a-f]{16}$/);
    const name = readdirSync(join(home, "agents")).find((file) => file.endsWith(".json")) ?? "";
    const path = join(home, "agents", name);
    const text = readFileSync(path, "utf8");
    for (const secret of ["token-canary", SECRET]) assert.ok(!text.includes(secret));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    await agent.stop();
    assert.deepEqual(readdirSync(join(home, "agents")), []);
  });

  it("tells apart who lives and who was killed, and sweeps the dead", async () => {
    const child = runScript("tests/_support/presence_child.ts", { args: [home] });
    try {
      const [shown] = await until("the child's file", async () => {
        const all = await readPresence(home);
        return all.length > 0 ? all : null;
      });
      assert.equal(shown?.pid, child.pid);
    } finally {
      child.kill("SIGKILL");
    }
    await child.ended();
    const left = readdirSync(join(home, "agents"));
    assert.equal(left.length, 3, "file, lock and socket stay behind");
    assert.deepEqual(await readPresence(home), []);
    assert.deepEqual(readdirSync(join(home, "agents")), []);
  });

  it("answers nothing for a home that does not exist, and does not make it", async () => {
    const nowhere = join(home, "nowhere");
    assert.deepEqual(await readPresence(nowhere), []);
    assert.ok(!existsSync(nowhere));
  });

  it("does not trust rubbish in the folder", async () => {
    const folder = await openPresenceFolder(home, systemClock);
    const lock = await folder.claim("rubbish");
    await folder.write({ formatVersion: 2, id: "rubbish" } as never);
    assert.deepEqual(await readPresence(home), []);
    await folder.remove("rubbish");
    lock?.release();
  });
});

describe("the inventory of processes that share a token", () => {
  const own = { engines: ["a"], schedulers: [], capabilities: { a: ["cancel_task"] } };
  const other = {
    engines: ["b"],
    schedulers: ["croner"],
    capabilities: {
      b: ["purge_queue", "retry_by_reference_v1"],
      croner: ["list", "external_schedule_mutation_v1"],
    },
  };

  it("is what all of them bring, without what binds a session", () => {
    const all = unionOf(own, [other, own]);
    assert.deepEqual(all, {
      engines: ["a", "b"],
      schedulers: ["croner"],
      capabilities: {
        a: ["cancel_task"],
        b: ["purge_queue", "retry_by_reference_v1"],
        croner: ["list"],
      },
    });
    assert.ok(covers(all, own));
    assert.ok(!covers(own, all));
  });

  it("keeps what binds a session where the session can serve it", () => {
    assert.deepEqual(unionOf(other, [own]).capabilities["croner"], other.capabilities.croner);
  });
});
