/**
 * The demo: starts the embedded brain, mints an agent, runs the demo app in a
 * process of its own and, with `--seconds`, gives the account of what arrived.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { type BrainStats, startBrain } from "@z4j/core/brain";

const { values } = parseArgs({
  options: {
    runtime: { type: "string", default: "bun" },
    seconds: { type: "string" },
    port: { type: "string", default: "0" },
  },
});

const home = mkdtempSync(join(tmpdir(), "z4j-demo-"));
const brain = await startBrain({ port: Number(values.port), dataDir: join(home, "brain") });
const minted = await brain.mint("demo-app");

/** Starts the demo app on this same runtime, told only by its environment. */
function startApp(): ChildProcess {
  const isDeno = "Deno" in globalThis;
  const args = isDeno ? ["run", "-A", "examples/demo/app.ts"] : ["examples/demo/app.ts"];
  return spawn(process.execPath, args, {
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      Z4J_BRAIN_URL: brain.baseUrl,
      Z4J_TOKEN: minted.token,
      Z4J_HMAC_SECRET: minted.hmacSecret,
      Z4J_PROJECT_ID: brain.project.slug,
      Z4J_AGENT_NAME: "demo-app",
      Z4J_HOME: join(home, "agent"),
    },
  });
}

/** Ends the app: politely, and after three seconds for good. */
function stopApp(app: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (app.exitCode !== null || app.pid === undefined) return resolve();
    const pid = app.pid;
    const force = setTimeout(() => process.kill(pid, "SIGKILL"), 3000);
    app.once("exit", () => {
      clearTimeout(force);
      resolve();
    });
    process.kill(pid, "SIGTERM");
  });
}

/** What the brain holds, in numbers, and whether every kind arrived. */
function account(stats: BrainStats): { readonly complete: boolean; readonly json: string } {
  const retries = stats.eventsByKind["task.retried"] ?? 0;
  const facts = {
    runtime: values.runtime,
    tasks: stats.tasksByState,
    retries,
    schedule_runs: stats.scheduleRuns,
    agents: brain.reader.agents(brain.project.id).map(({ name, state }) => ({ name, state })),
    events: stats.eventsByKind,
  };
  const complete = (stats.tasksByState["success"] ?? 0) > 0 &&
    (stats.tasksByState["failure"] ?? 0) > 0 && retries > 0 && stats.scheduleRuns > 0;
  return { complete, json: JSON.stringify(facts) };
}

async function finish(app: ChildProcess, exitCode: number): Promise<never> {
  await stopApp(app);
  await brain.close();
  rmSync(home, { recursive: true, force: true });
  process.exit(exitCode);
}

const app = startApp();
console.log(`\n  z4j demo on ${values.runtime}\n\n  open  ${brain.signInUrl}\n`);
app.once("exit", (code) => {
  if (code !== 0 && code !== null) console.error(`the demo app ended with status ${code}`);
});

if (values.seconds === undefined) {
  console.log("  Ctrl-C ends it\n");
  process.on("SIGINT", () => void finish(app, 0));
  process.on("SIGTERM", () => void finish(app, 0));
} else {
  setTimeout(async () => {
    await stopApp(app);
    const { complete, json } = account(brain.reader.stats(brain.project.id));
    console.log(json);
    await finish(app, complete ? 0 : 1);
  }, Number(values.seconds) * 1000);
}
