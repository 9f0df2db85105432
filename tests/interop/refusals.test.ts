/**
 * What the real brain 1.13.0 refuses, as the agent's owner sees it: one clear
 * line, then a slow retry.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type AgentOptions, createAgent } from "../../mod.ts";
import { systemClock } from "../../src/base/clock.ts";
import { encodeHmacSecret } from "../../src/protocol/derive.ts";
import { startStockBrain, type StockBrain } from "../_support/stock_brain.ts";
import { until } from "../_support/wait.ts";

// Less would be a storm: the first wait of a credentials problem is 5 to 10 s.
const SLOW_MS = 4000;

let brain: StockBrain;
let home: string;

before(async () => {
  home = mkdtempSync(join(tmpdir(), "z4j-refusals-"));
  brain = await startStockBrain(["app"]);
}, { timeout: 60_000 });

after(async () => {
  await brain?.close();
  rmSync(home, { recursive: true, force: true });
}, { timeout: 60_000 });

/** Starts an agent that must be refused; answers its warnings and how it waits. */
async function refusedWith(
  changes: AgentOptions,
  env: Record<string, string> = {},
): Promise<{ readonly lines: readonly string[]; readonly waitMs: number }> {
  const lines: string[] = [];
  const note = (facts: unknown, message: string): void => {
    lines.push(`${message} ${JSON.stringify(facts)}`);
  };
  const [minted] = brain.agents;
  assert.ok(minted);
  // A home of its own: a buffer under another secret would be kept, and told about.
  const ownHome = mkdtempSync(join(home, "agent-"));
  const agent = createAgent({
    env: { ...brain.env(minted), Z4J_HOME: ownHome, ...env },
    logger: { debug() {}, info() {}, warn: note, error: note },
    ...changes,
  });
  await agent.start();
  try {
    agent.record("manual", {
      kind: "task.started",
      taskId: "refused",
      occurredAtMs: Date.now(),
      data: { taskName: "refused" },
    });
    const now = (changes.clock ?? systemClock).now;
    const waiting = await until("the agent waits", () => {
      const status = agent.status();
      return status.state === "waiting" && status.nextAttemptAtMs !== null ? status : undefined;
    });
    assert.equal(waiting.events.acked, 0);
    return { lines: [...lines], waitMs: (waiting.nextAttemptAtMs ?? 0) - now() };
  } finally {
    await agent.stop({ timeoutMs: 500 });
  }
}

describe("stock brain: refusals", () => {
  it("tells about a wrong token in one line and retries slowly", async () => {
    const { lines, waitMs } = await refusedWith({}, { Z4J_TOKEN: "not-the-token-canary" });
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0] ?? "", /token/i);
    assert.match(lines[0] ?? "", /4401/);
    assert.doesNotMatch(lines[0] ?? "", /canary/);
    assert.ok(waitMs > SLOW_MS, `${waitMs}`);
  });

  it("tells about a wrong secret in one line and retries slowly", async () => {
    const wrong = encodeHmacSecret(crypto.getRandomValues(new Uint8Array(32)));
    const { lines, waitMs } = await refusedWith({}, { Z4J_HMAC_SECRET: wrong });
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0] ?? "", /secret/i);
    assert.doesNotMatch(lines[0] ?? "", new RegExp(wrong));
    assert.ok(waitMs > SLOW_MS, `${waitMs}`);
  });

  it("tells about a wrong clock, with the offset, in one line and retries slowly", async () => {
    const clock = { ...systemClock, now: () => Date.now() + 120_000 };
    const { lines, waitMs } = await refusedWith({ clock });
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0] ?? "", /clock/i);
    assert.match(lines[0] ?? "", /1(19|20|21)/);
    assert.ok(waitMs > SLOW_MS, `${waitMs}`);
  });
});
