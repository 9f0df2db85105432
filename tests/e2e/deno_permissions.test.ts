import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { startBrain } from "../../src/brain/mod.ts";
import { agentEnv } from "../_support/agent_env.ts";
import { freePort } from "../_support/free_port.ts";
import { startRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

/** The arguments of the one `deno run` line in the README. */
function documentedArgs(home: string): string[] {
  const line = readFileSync("README.md", "utf8").match(/^deno (run --allow-net.*)$/m)?.[1];
  assert.ok(line !== undefined, "the README names the flags of the example");
  return line.replaceAll("$HOME", home).split(/\s+/);
}

describe("README: permissions on Deno", () => {
  it("are enough for the example, with a durable buffer, and never prompt", async () => {
    const home = mkdtempSync(join(tmpdir(), "z4j-permissions-"));
    const redis = await startRedis();
    await using brain = await startBrain({ port: 0, dataDir: null });
    const minted = await brain.mint("web");
    const port = await freePort();
    const [run = "", ...rest] = documentedArgs(home);
    const child = spawn(resolve("node_modules/.bin/deno"), [run, "--no-prompt", ...rest], {
      env: {
        ...process.env,
        HOME: home,
        ...agentEnv(brain, minted),
        REDIS_URL: redis.url,
        PORT: String(port),
        DENO_DIR: join(home, ".deno"),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => output += String(chunk));
    child.stderr.on("data", (chunk) => output += String(chunk));
    try {
      const post = async (): Promise<boolean> =>
        (await fetch(`http://127.0.0.1:${port}/jobs`, { method: "POST", body: "{}" })).ok;
      await until("an accepted job", () => post().catch(() => false)).catch((error) => {
        throw new Error(`${error.message}\n${output}`);
      });
      await until(
        "a successful task",
        () => (brain.reader.stats(brain.project.id).tasksByState["success"] ?? 0) > 0,
      );
      assert.ok(readdirSync(join(home, ".z4j")).some((name) => name.endsWith(".sqlite")), output);
      assert.doesNotMatch(output, /permission|NotCapable|memory/i);
    } finally {
      if (child.pid !== undefined) process.kill(child.pid, "SIGKILL");
      await redis.stop();
      rmSync(home, { recursive: true, force: true });
    }
  });
});
