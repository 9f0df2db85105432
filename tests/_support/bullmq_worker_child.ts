// A process with one worker and the engine around it; talks in lines.
import process from "node:process";
import { Worker } from "bullmq";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { createHost, createSeen } from "./bullmq_stream.ts";

const [port, queue, name, scope] = process.argv.slice(2);
const connection = { host: "127.0.0.1", port: Number(port), maxRetriesPerRequest: null };
const worker = new Worker(queue ?? "", (job, _token, signal) => {
  console.log(`begin ${job.id}`);
  return new Promise((_resolve, reject) => {
    signal?.addEventListener("abort", () => {
      console.log(`aborted ${job.id}`);
      reject(new Error("stopped"));
    });
  });
}, { connection, name: name ?? "", concurrency: 1 });
worker.on("error", () => {});
await worker.waitUntilReady();
const exit = (): void => {
  console.log("exit");
  setTimeout(() => process.exit(0), 50);
};
const engine = bullmqEngine({ workers: [worker] });
// A worker of this name belongs to a process that is read-only.
const forbidden = (): string | null => name === "w-shut" ? "this process forbids it" : null;
const host = { ...createHost(scope), forbidden, restart: { refusal: () => null, exit } };
await engine.attach(createSeen().sink, host);
console.log("ready");
const timer = setInterval(() => console.log(`pool ${worker.concurrency}`), 200);
process.on("SIGTERM", () => {
  clearInterval(timer);
  process.exit(0);
});
