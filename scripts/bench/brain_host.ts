/**
 * A brain in a process of its own: `brain_host.ts <data directory> [port] [agents]`.
 * The word `beats` tells when the heartbeats since the last time were stored,
 * `token` the one of its API, every other word what is stored.
 */
import process from "node:process";
import { startBrain } from "../../src/brain/serve.ts";
import { serveWords } from "./peer.ts";

const [dataDir = null, port = "0", agents = "1"] = process.argv.slice(2);
const brain = await startBrain({ port: Number(port), dataDir });
const { baseUrl, project, reader } = brain;
const minted = [];
for (let i = 0; i < Number(agents); i++) minted.push(await brain.mint(`bench-${process.pid}-${i}`));
const beats: number[] = [];

// Of a worker's row only hello and heartbeats change the time, batches do not.
reader.onChange(() => {
  for (const { lastSeenAtMs } of reader.agentWorkers(project.id)) {
    if (lastSeenAtMs > (beats.at(-1) ?? 0)) beats.push(lastSeenAtMs);
  }
});

const facts = {
  baseUrl,
  token: minted[0]?.token ?? "",
  tokens: minted.map(({ token }) => token),
  hmacSecret: minted[0]?.hmacSecret ?? "",
  project: project.slug,
};
await serveWords(facts, (word) => {
  if (word === "beats") return beats.slice();
  if (word === "token") return brain.apiToken;
  const { eventsByKind, tasksByState } = reader.stats(project.id);
  return { eventsByKind, tasksByState };
});
await brain.close();
process.exit();
