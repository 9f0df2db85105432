// A host of its own for tests of the life cycle: `host_child.ts <mode>`; settings by Z4J_*.
import cluster from "node:cluster";
import { writeSync } from "node:fs";
import process from "node:process";
import { createAgent, installAgent, startAgent } from "../../mod.ts";
import { manualEngine } from "../../src/engines/manual/engine.ts";

const [mode = ""] = process.argv.slice(2);
const say = (line: string): void => void writeSync(1, `${line}\n`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const engine = manualEngine();
const work = engine.task("work", async (n: number) => {
  await pause(1);
  return n;
});
process.on("warning", (warning) => say(`warning ${warning.name}`));

async function script(): Promise<void> {
  const agent = await startAgent({ engines: [engine], skip: false });
  await agent.ready();
  await work(1);
  process.on("exit", () => say(`ended ${Math.round(performance.now() - last)}`));
  say("last line");
}
let last = 0;

/** A thousand jobs, many at a time; says how many ended when the signal came. */
async function jobs(): Promise<void> {
  const agent = await startAgent({ engines: [engine], skip: false });
  await agent.ready();
  let ended = 0;
  process.once("SIGTERM", () => {
    say(`signal ${ended}`);
    ended = Infinity;
    setTimeout(() => say(`host ends ${agent.status().state}`), 2500);
  });
  say("working");
  for (let n = 0; n < 1000 && ended < Infinity; n += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, i) => work(n + i)));
    ended += 10;
    await pause(5);
  }
}

async function blocked(): Promise<void> {
  const agent = await startAgent({ engines: [engine], skip: false });
  await agent.ready();
  say("blocking");
  const until = performance.now() + 5000;
  while (performance.now() < until);
  await pause(500);
  say(`after ${agent.status().state} ${agent.status().reconnects}`);
  await agent.stop();
}

async function many(): Promise<void> {
  const agents = Array.from({ length: 12 }, (_, n) => createAgent({ agentName: `agent-${n}` }));
  await Promise.all(agents.map((agent) => agent.start()));
  await pause(50);
  say(`many ${agents.length}`);
  await Promise.all(agents.map((agent) => agent.stop({ timeoutMs: 100 })));
}

function clustered(): void {
  installAgent({ engines: [engine], skip: [] });
  if (!cluster.isPrimary) {
    say(`worker ${process.pid}`);
    setInterval(() => {}, 1000);
    return;
  }
  for (let n = 0; n < 2; n++) cluster.fork();
  say(`primary ${process.pid}`);
  process.on("SIGTERM", () => {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill("SIGKILL");
    process.exit(0);
  });
}

async function throws(): Promise<void> {
  await startAgent({ engines: [engine], skip: false });
  for (let n = 0; n < 20; n++) await work(n);
  // The group commit waits 20 ms, on a slow disk up to 500; nothing tells the host.
  await pause(600);
  say("recorded");
  setTimeout(() => {
    throw new Error("of the host");
  }, 5);
}

async function idle(): Promise<void> {
  await startAgent({ engines: [engine], skip: false });
  setInterval(() => {}, 1000);
}

const modes: Readonly<Record<string, () => unknown>> = {
  script,
  jobs,
  blocked,
  many,
  clustered,
  throws,
  idle,
};
await modes[mode]?.();
last = performance.now();
