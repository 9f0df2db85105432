import process from "node:process";
import { manualEngine } from "../../src/engines/manual/engine.ts";
import { startAgent } from "../../src/install/create_agent.ts";

// An agent that runs until it is told to stop, and tells every change of its session.
const engine = manualEngine();
const work = engine.task("work", (n: number) => n);
const agent = await startAgent({ engines: [engine], logLevel: "error", framework: "hono" });
agent.on("state", ({ to }) => process.stdout.write(`${to}\n`));
agent.on("disconnected", (end) => process.stdout.write(`end ${JSON.stringify(end)}\n`));
await work(1);
const stop = Promise.withResolvers<void>();
process.once("SIGINT", () => stop.resolve());
const keep = setInterval(() => {}, 1000);
await stop.promise;
clearInterval(keep);
await agent.stop({ timeoutMs: 500 });
