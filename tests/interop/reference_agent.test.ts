/**
 * The other way round: frames made and checked by the reference implementation
 * 1.13.0 (its own signer and verifier, in Python) against the embedded brain.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { type RunningBrain, startBrain } from "../../src/brain/mod.ts";
import { until } from "../_support/wait.ts";

let folder: string;
let brain: RunningBrain;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "z4j-reference-"));
  brain = await startBrain({ port: 0, dataDir: join(folder, "brain") });
});
after(async () => {
  await brain.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the scripted Python agent; answers its exit status and its output. */
async function runReferenceAgent(token: string, secret: string): Promise<string> {
  const python = join(dirname(process.env["Z4J_BIN"] ?? ""), "python");
  const state = {
    ws_url: brain.wsUrl,
    agents: [{ name: "reference", token, hmac_secret: secret }],
  };
  writeFileSync(join(folder, "state.json"), JSON.stringify(state));
  const args = ["tests/interop/fake_agent.py", "--home", folder, "--seconds", "3"];
  const child = spawn(python, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let code: number | null | undefined;
  child.stdout.on("data", (chunk) => output += String(chunk));
  child.stderr.on("data", (chunk) => output += String(chunk));
  child.on("exit", (status) => code = status);
  await until("end of the reference agent", () => code !== undefined);
  assert.equal(code, 0, output);
  return output;
}

describe("embedded brain: the reference implementation as its agent", () => {
  it("takes its events, heartbeats and schedules, and its commands are answered", async () => {
    const minted = await brain.mint("reference");
    const output = await runReferenceAgent(minted.token, minted.hmacSecret);
    assert.match(output, /"accepted": 20/);
    assert.match(output, /"closed": \[1000, ""\]/);
    const { reader, project } = brain;
    const { tasksByState, queueDepths } = reader.stats(project.id);
    assert.equal(tasksByState["success"], 3);
    assert.equal(tasksByState["failure"], 3);
    assert.equal(tasksByState["received"], 1);
    assert.deepEqual(
      queueDepths.map(({ name, pendingCount }) => [name, pendingCount]),
      [["default", 7], ["mail", 3]],
    );
    const [worker] = reader.workers(project.id);
    assert.equal(worker?.concurrency, 8);
    assert.deepEqual(
      reader.schedules(project.id).map(({ row }) => row["name"]),
      ["every-10s", "nightly-report", "paused-one"],
    );
    const [command] = reader.commands(project.id, "completed", 10);
    assert.equal(command?.action, "schedule.external.activate");
  });

  it("refuses it with 4401 when its token is revoked", async () => {
    const minted = await brain.mint("revoked");
    brain.operator.revokeAgent(brain.project.id, minted.agent.id);
    await assert.rejects(runReferenceAgent(minted.token, minted.hmacSecret), /4401/);
  });
});
