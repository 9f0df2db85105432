import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { startBrain } from "../../../src/brain/mod.ts";
import { readPresence } from "../../../src/presence/read.ts";
import { until } from "../../_support/wait.ts";

const SAVES = 10;

describe("deno run --watch", () => {
  it("leaves one agent with one session after ten saves", async () => {
    const folder = mkdtempSync(join(tmpdir(), "z4j-watch-"));
    const home = join(folder, "home");
    await using brain = await startBrain({ port: 0, dataDir: null });
    const minted = await brain.mint("watch");
    const file = join(folder, "app.ts");
    const save = (n: number): void =>
      writeFileSync(
        file,
        `import process from "node:process";
import { startAgent } from ${JSON.stringify(resolve("mod.ts"))};
const agent = await startAgent();
await agent.ready();
console.log("ready ${n} " + process.listenerCount("SIGTERM"));
setInterval(() => {}, 1000);\n`,
      );
    save(0);
    const child = spawn(process.execPath, ["run", "-A", "--no-check", "--watch", file], {
      env: {
        ...process.env,
        NO_COLOR: "1",
        Z4J_BRAIN_URL: brain.baseUrl,
        Z4J_TOKEN: minted.token,
        Z4J_HMAC_SECRET: minted.hmacSecret,
        Z4J_PROJECT_ID: brain.project.slug,
        Z4J_HOME: home,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => output += String(chunk));
    child.stderr.on("data", (chunk) => output += String(chunk));
    try {
      for (let n = 0; n <= SAVES; n++) {
        if (n > 0) save(n);
        await until(`ready ${n}`, () => output.includes(`ready ${n} 1`));
      }
      const online = (): number =>
        brain.reader.agentWorkers(brain.project.id).filter(({ state }) => state === "online")
          .length;
      await until("one session", () => online() === 1);
      assert.doesNotMatch(output, /4002/);
      assert.equal(output.split("agent stopped").length - 1, SAVES);
      assert.equal((await readPresence(home)).length, 1);
    } finally {
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
