import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { startBrain } from "../../src/brain/mod.ts";
import { readPresence } from "../../src/presence/read.ts";
import { agentEnv } from "./agent_env.ts";
import { until } from "./wait.ts";

const SAVES = 10;

/** An app that its runtime reloads whenever its file is saved. */
export interface SavedApp {
  /** Words of the runtime before the file. */
  readonly args: readonly string[];
  /** Text of the file; prints `ready` of this save once its agent is. */
  source(ready: string): string;
  /** What has to follow `ready` and the number: counts of listeners. */
  readonly listeners: string;
}

/**
 * Saves an app ten times while its runtime watches it. One agent with one
 * session must be left, and every agent before it must have stopped.
 *
 * @returns what the app printed.
 */
export async function saveTenTimes(app: SavedApp): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "z4j-saved-"));
  const home = join(folder, "home");
  const file = join(folder, "app.ts");
  await using brain = await startBrain({ port: 0, dataDir: null });
  const minted = await brain.mint("saved");
  const save = (n: number): void => writeFileSync(file, app.source(`ready ${n} `));
  save(0);
  const child = spawn(process.execPath, [...app.args, file], {
    env: {
      ...process.env,
      NO_COLOR: "1",
      ...agentEnv(brain, minted),
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
      await until(`ready ${n}`, () => output.includes(`ready ${n} ${app.listeners}`));
    }
    const online = (): number =>
      brain.reader.agentWorkers(brain.project.id).filter(({ state }) => state === "online").length;
    await until("one session", () => online() === 1);
    assert.doesNotMatch(output, /4002/);
    assert.equal(output.split("agent stopped").length - 1, SAVES);
    assert.equal((await readPresence(home)).length, 1);
    return output;
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}
