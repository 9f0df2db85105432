import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { after, describe, it } from "node:test";
import { hangUp } from "../../src/platform/process_probe.ts";
import { scratch } from "../_support/doctor_bed.ts";
import { until } from "../_support/wait.ts";

describe("hangUp()", () => {
  const folder = scratch();
  const held = join(folder.path, "held.json");
  const children: ChildProcess[] = [];
  after(() => {
    for (const { pid } of children) if (pid !== undefined) kill(pid);
    folder.remove();
  });
  const start = async (script: string): Promise<{ pid: number; out: () => string }> => {
    const child = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] });
    children.push(child);
    let out = "";
    child.stdout.on("data", (chunk) => out += String(chunk));
    await until("the child", () => out.includes("ready"));
    return { pid: child.pid ?? 0, out: () => out };
  };
  const isAlive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  it("reaches a process that holds the file and listens", async () => {
    const script = `exec 3>"${held}-owner"; trap 'echo heard' HUP; echo ready; ` +
      "while :; do sleep 0.05; done";
    const { pid, out } = await start(script);
    assert.equal(hangUp(pid, held), "sent");
    await until("the signal", () => out().includes("heard"));
  });

  it("leaves a process alone that would end by it, or that is another one", async () => {
    const deaf = await start(`exec 3>"${held}-owner"; echo ready; while :; do sleep 0.05; done`);
    assert.equal(hangUp(deaf.pid, held), "deaf");
    const stranger = await start("trap : HUP; echo ready; while :; do sleep 0.05; done");
    assert.equal(hangUp(stranger.pid, held), "stranger");
    for (const { pid } of [deaf, stranger]) assert.equal(isAlive(pid), true);
  });

  it("tells that a process is gone", async () => {
    const { pid } = await start("echo ready; sleep 60");
    kill(pid);
    await until("its end", () => !isAlive(pid));
    assert.equal(hangUp(pid, held), "gone");
  });
});

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended before.
  }
}
