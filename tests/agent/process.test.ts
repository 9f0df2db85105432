import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { startTestBrain } from "../_support/agent_rig.ts";

const CHILD = fileURLToPath(new URL("../_support/agent_child.ts", import.meta.url));
const FLAGS = "Deno" in globalThis ? ["run", "-A", "--no-check"] : [];

/** Runs the child; fails when it has not ended by itself after 15 s. */
function runChild(...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: 15_000, killSignal: "SIGKILL" } as const;
    execFile(process.execPath, [...FLAGS, CHILD, ...args], options, (error, out, err) => {
      if (error === null) resolve(out.trim());
      else reject(new Error(`${error.message} ${err}`));
    });
  });
}

describe("a process with an agent", () => {
  it("delivers everything on stop() and then ends by itself", async () => {
    const brain = await startTestBrain();
    try {
      const report: unknown = JSON.parse(await runChild(brain.url, "stop"));
      assert.deepEqual(report, { sent: 50, remaining: 0, timedOut: false });
      assert.equal(brain.stored.size, 50);
    } finally {
      await brain.close();
    }
  });

  it("ends by itself without stop() while no brain can be reached", async () => {
    assert.equal(await runChild("http://127.0.0.1:1", "leave"), "left");
  });
});
