import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createFindings } from "../../src/agent/findings.ts";
import type { Clock } from "../../src/base/clock.ts";
import { systemClock } from "../../src/base/clock.ts";
import { isJsonObject } from "../../src/base/json.ts";
import type { Engine, EngineFinding, LintFacts } from "../../src/engines/contract.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { createRigAgent, keepingLogger, startTestBrain, until } from "../_support/agent_rig.ts";

const FINDING: EngineFinding = {
  code: "Z4J_LINT_REDIS_EVICTION",
  severity: "error",
  subject: "redis",
  message: "Redis may drop jobs when its memory is full.",
  remedy: "Set maxmemory-policy to noeviction.",
};

function linting(name: string, lint: NonNullable<Engine["lint"]>): Engine {
  return { name, capabilities: [], attach() {}, detach() {}, actions: {}, lint };
}

function rig(engines: readonly Engine[], facts: LintFacts = {}) {
  let nowMs = 0;
  const clock: Clock = { ...systemClock, monotonic: () => nowMs };
  const logger = keepingLogger();
  const findings = createFindings({
    engines,
    facts: () => facts,
    clock,
    redactor: createRedactor(),
    logger,
  });
  return { findings, logger, pass: (ms: number) => void (nowMs += ms) };
}

describe("findings of engines", () => {
  it("are asked with the facts of the process, again only after five minutes", async () => {
    const asked: unknown[] = [];
    const engine = linting("bullmq", (facts) => {
      asked.push(facts);
      return Promise.resolve(asked.length === 1 ? [FINDING] : []);
    });
    const { findings, pass } = rig([engine], { runtime: "deno", envAccess: "scoped" });
    assert.deepEqual(findings.all(), []);
    await findings.refresh();
    await findings.refresh();
    assert.deepEqual(asked, [{ runtime: "deno", envAccess: "scoped" }]);
    assert.deepEqual(findings.all(), [{ engine: "bullmq", ...FINDING }]);
    assert.deepEqual(findings.report(), { "bullmq.findings": JSON.stringify([FINDING]) });
    pass(300_000);
    await findings.refresh();
    assert.deepEqual(findings.all(), [], "a cured finding stayed");
  });

  it("are told once each, and kept when the engine cannot answer", async () => {
    let fails = false;
    const engine = linting("bullmq", () => {
      if (fails) throw new Error("no broker");
      return Promise.resolve([FINDING, { ...FINDING, severity: "info", subject: "queue mail" }]);
    });
    const { findings, logger, pass } = rig([engine]);
    await findings.refresh();
    pass(300_000);
    fails = true;
    await findings.refresh();
    assert.equal(findings.all().length, 2);
    assert.deepEqual(logger.lines.map(({ level }) => level), ["warn", "info"]);
  });

  it("of hostile engines are bounded, redacted and without rubbish", async () => {
    const secret = "https://user:hunter2@redis.example";
    const answers: unknown = [
      null,
      { code: 1 },
      { ...FINDING, severity: "fatal" },
      ...Array.from({ length: 80 }, () => ({ ...FINDING, subject: secret + "x".repeat(9000) })),
    ];
    const { findings } = rig([
      linting("loud", () => Promise.resolve(answers as readonly EngineFinding[])),
      linting("wrong", () => Promise.resolve("all is well" as unknown as [])),
    ]);
    await findings.refresh();
    const all = findings.all();
    assert.equal(all.length, 50);
    assert.ok(all.every(({ subject }) => subject.length <= 500 && !subject.includes("hunter2")));
  });

  it("of an engine whose answer cannot be read are none, and the others stay", async () => {
    const trap = {
      get code(): string {
        throw new Error("a trap");
      },
    };
    const { findings } = rig([
      linting("trap", () => Promise.resolve([trap] as unknown as readonly EngineFinding[])),
      linting("bullmq", () => Promise.resolve([FINDING])),
      { name: "mute", capabilities: [], attach() {}, detach() {}, actions: {} },
    ]);
    await findings.refresh();
    assert.deepEqual(findings.all(), [{ engine: "bullmq", ...FINDING }]);
  });

  it("show in the agent's status and travel with its heartbeat", async (t) => {
    const brain = await startTestBrain({ heartbeatSeconds: 1 });
    const engine = linting("bullmq", () => Promise.resolve([FINDING]));
    const agent = createRigAgent(brain.url, { engines: [engine] });
    t.after(async () => {
      await agent.stop();
      await brain.close();
    });
    await agent.start();
    await until("the status has the finding", () => agent.status().findings.length === 1);
    const told = () =>
      brain.frames.some(({ frame }) => {
        const health = frame.type === "heartbeat" ? frame.payload["adapter_health"] : null;
        return isJsonObject(health) && health["bullmq.findings"] === JSON.stringify([FINDING]);
      });
    await until("a heartbeat carries the finding", told);
  });
});
