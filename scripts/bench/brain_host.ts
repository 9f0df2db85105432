/** A brain in a process of its own: `brain_host.ts <data directory>`. */
import process from "node:process";
import { startBrain } from "../../src/brain/serve.ts";
import { serveWords } from "./peer.ts";

const brain = await startBrain({ port: 0, dataDir: process.argv[2] ?? null });
const { token, hmacSecret } = await brain.mint("bench");
const facts = { baseUrl: brain.baseUrl, token, hmacSecret, project: brain.project.slug };
await serveWords(facts, () => {
  const { eventsByKind, tasksByState } = brain.reader.stats(brain.project.id);
  return { eventsByKind, tasksByState };
});
await brain.close();
process.exit();
