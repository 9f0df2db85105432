import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { startBrain } from "../../../src/brain/mod.ts";
import { agentEnv } from "../../_support/agent_env.ts";
import { scratch } from "../../_support/doctor_bed.ts";
import { jsonOf, runDoctorProcess } from "../../_support/doctor_child.ts";
import { until } from "../../_support/wait.ts";

describe("the permissions line of the doctor", () => {
  it("is enough for an agent with a durable buffer", async () => {
    const folder = scratch();
    await using brain = await startBrain({ port: 0, dataDir: null });
    const env = {
      ...agentEnv(brain, await brain.mint("web")),
      Z4J_HOME: join(folder.path, "home"),
    };
    const doctor = await runDoctorProcess({ env, args: ["--json", "--app", folder.path] });
    const flags = (jsonOf(doctor).permissions ?? "").split(" ");
    assert.deepEqual(
      flags.map((flag) => flag.split("=")[0]),
      ["--allow-net", "--allow-env", "--allow-sys", "--allow-read", "--allow-write"],
    );
    const run = (some: readonly string[]): ReturnType<typeof spawn> =>
      spawn(process.execPath, [
        ...["run", "--no-check", "--no-prompt", ...some],
        resolve("tests/_support/doctor_agent_child.ts"),
      ], { env: { ...process.env, ...env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"] });
    const child = run(flags);
    let output = "";
    child.stdout?.on("data", (chunk) => output += String(chunk));
    child.stderr?.on("data", (chunk) => output += String(chunk));
    const tasks = (): number => brain.reader.stats(brain.project.id).tasksByState["success"] ?? 0;
    try {
      await until("the event", () => tasks() > 0).catch((error) => {
        throw new Error(`${error.message}\n${output}`);
      });
      assert.ok(readdirSync(env.Z4J_HOME).some((name) => name.endsWith(".sqlite")), output);
      assert.doesNotMatch(output, /permission|NotCapable|memory/i);
      const [agent] = brain.reader.agents(brain.project.id);
      assert.notEqual(agent?.hostName, "unknown-host");
    } finally {
      if (child.pid !== undefined) process.kill(child.pid, "SIGKILL");
      folder.remove();
    }
  });
});
