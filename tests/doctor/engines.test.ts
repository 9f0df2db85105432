import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { runDoctor } from "../../src/doctor/run.ts";
import type { Engine, EngineFinding } from "../../src/engines/contract.ts";
import { manualEngine } from "../../src/engines/manual/engine.ts";
import { openPresenceFolder } from "../../src/presence/folder.ts";
import type { AgentPresence } from "../../src/presence/record.ts";
import { scratch } from "../_support/doctor_bed.ts";

const FINDING: EngineFinding = {
  code: "Z4J_LINT_REDIS_EVICTION",
  severity: "error",
  subject: "Redis",
  message: "It may drop keys.",
  remedy: "Set maxmemory-policy noeviction.",
};

function engineWith(lint: NonNullable<Engine["lint"]>): Engine {
  return { ...manualEngine(), lint };
}

describe("doctor: engines", () => {
  const folder = scratch();
  after(() => folder.remove());
  const settings = { env: { Z4J_HOME: folder.path } };
  const look = async (lint: NonNullable<Engine["lint"]>, timeoutMs = 2000) => {
    const report = await runDoctor({
      settings,
      engines: [engineWith(lint)],
      only: ["engines"],
      timeoutMs,
    });
    return { report, probe: report.probes[0] };
  };

  it("shows the findings of the engines it was given", async () => {
    const { report, probe } = await look(() => Promise.resolve([FINDING]));
    assert.equal(report.ok, true);
    assert.equal(probe?.code, "Z4J_DOCTOR_ENGINE_LINT");
    assert.deepEqual(probe?.lines, [
      "Z4J_LINT_REDIS_EVICTION Redis: It may drop keys. Set maxmemory-policy noeviction.",
    ]);
    assert.deepEqual(probe?.facts["findings"], [{ ...FINDING }]);
    const info = { ...FINDING, severity: "info" as const };
    assert.equal((await look(() => Promise.resolve([info]))).probe?.status, "ok");
  });

  it("ends a probe that hangs at its time limit, with a code", async () => {
    const startedAt = performance.now();
    const { report, probe } = await look(() => new Promise(() => {}), 100);
    assert.equal(report.ok, false);
    assert.equal(probe?.code, "Z4J_DOCTOR_TIMEOUT");
    assert.ok(performance.now() - startedAt < 10_000);
  });

  it("tells two agents of one worker id, and the findings of live ones", async () => {
    const presence = await openPresenceFolder(folder.path, systemClock);
    const locks = [];
    for (const id of ["one", "two"]) {
      locks.push(await presence.claim(id));
      await presence.write(record(id));
    }
    const report = await runDoctor({ settings, only: ["agents", "engines"] });
    for (const lock of locks) lock?.release();
    assert.deepEqual(report.probes.map(({ code }) => code), [
      "Z4J_DOCTOR_AGENT_DUPLICATE",
      "Z4J_DOCTOR_ENGINE_LINT",
    ]);
    assert.match(report.probes[0]?.detail ?? "", /received 4002/);
  });

  it("refuses a time limit and probes that cannot be", async () => {
    await assert.rejects(runDoctor({ timeoutMs: 0 }), RangeError);
    await assert.rejects(runDoctor({ only: ["nothing" as "dns"] }), RangeError);
  });
});

function record(id: string): AgentPresence {
  const announces = { engines: ["manual"], schedulers: [], capabilities: {} };
  return {
    formatVersion: 1,
    id,
    pid: 1,
    workerId: "the same",
    role: null,
    agentName: null,
    framework: "bare",
    projectId: "default",
    brainUrl: "http://127.0.0.1:7700",
    tokenFingerprint: "0123456789abcdef",
    startedAtMs: 1,
    updatedAtMs: 1,
    runtime: { name: "deno", version: "2" },
    version: "0.1.0",
    bufferPath: null,
    announces,
    hello: null,
    status: {
      state: "connected",
      agentId: null,
      sessionId: null,
      brainVersion: null,
      verified: true,
      connectedAtMs: 1,
      nextAttemptAtMs: null,
      reconnects: 0,
      lastError: null,
      lost: {},
      events: { recorded: 0, sent: 0, acked: 0, batchesInFlight: 0 },
      commands: { received: 0, repeated: 0, succeeded: 0, failed: 0, running: 0 },
      findings: [{ ...FINDING, engine: "manual" }],
      buffer: null,
    },
  };
}
