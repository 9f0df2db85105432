/**
 * A process that does nothing, `idle_host.ts bare`, or has an idle agent,
 * `idle_host.ts agent <home> <access as JSON>`. The word `gc` collects garbage.
 */
import process from "node:process";
import type { Clock } from "../../src/base/clock.ts";
import type { ManagedAgent } from "../../src/install/managed_agent.ts";
import type { BrainAccess } from "./brain.ts";
import { serveWords } from "./peer.ts";

interface Collector {
  readonly gc?: (() => void) | undefined;
  readonly Bun?: { gc(force: boolean): void } | undefined;
}

const { gc, Bun } = globalThis as Collector;
const [mode = "bare", home = "", access = "{}"] = process.argv.slice(2);
let fired = 0;

/** Collects garbage where the runtime lets us; answers whether it did. */
function collect(): boolean {
  gc?.();
  Bun?.gc(true);
  return gc !== undefined || Bun !== undefined;
}

async function connectedAgent(brain: BrainAccess): Promise<ManagedAgent> {
  // Loaded here, so that the bare process does not have our code.
  const { createAgent } = await import("../../src/install/create_agent.ts");
  const { manualEngine } = await import("../../src/engines/manual/mod.ts");
  const { systemClock } = await import("../../src/base/clock.ts");
  const clock: Clock = {
    ...systemClock,
    setTimer: (callback, delayMs) =>
      systemClock.setTimer(() => {
        fired++;
        callback();
      }, delayMs),
  };
  const engine = manualEngine({ clock });
  engine.task("double", (n: number) => n * 2);
  const agent = createAgent({
    brainUrl: brain.baseUrl,
    token: brain.token,
    hmacSecret: brain.hmacSecret,
    projectId: brain.project,
    home,
    env: false,
    strictMode: true,
    logLevel: "error",
    engines: [engine],
    clock,
  });
  await agent.start();
  await agent.ready();
  return agent;
}

const agent = mode === "agent" ? await connectedAgent(JSON.parse(access)) : undefined;
await serveWords({ mode }, (word) => {
  const collected = word === "gc" && collect();
  return { collected, fired, connected: agent?.status().verified ?? null };
});
await agent?.stop();
process.exit();
