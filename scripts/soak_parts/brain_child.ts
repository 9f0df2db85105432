/**
 * The embedded brain with one agent: `brain_child.ts DIRECTORY`. Prints its
 * address and the agent's secrets, then a sample each second.
 */
import { once } from "node:events";
import process from "node:process";
import { startBrain } from "../../src/brain/mod.ts";
import { countTimers, printSamples } from "./sampler.ts";

const timers = countTimers();
const brain = await startBrain({ port: 0, dataDir: process.argv[2] ?? null });
const { token, hmacSecret: secret } = await brain.mint("soak");
process.stdout.write(`${JSON.stringify({ up: { port: brain.port, token, secret } })}\n`);
const stopSamples = printSamples(timers, () => 0);
await once(process, "SIGTERM");
stopSamples();
await brain.close();
process.exit(0);
