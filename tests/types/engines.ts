/** Compile-only: the real classes fit the structural types. */
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { bunqueueEngine } from "../../src/engines/bunqueue/mod.ts";
import type { Queue, Worker } from "bullmq";
import type { Queue as BunQueue, Worker as BunWorker } from "bunqueue/client";

interface Mail {
  readonly to: string;
}

export function bullmq(plain: Queue, typed: Queue<Mail, number, "send">, worker: Worker): void {
  bullmqEngine({ queues: [plain, typed], workers: [worker] });
}

export function typedWorker(worker: Worker<Mail, number, "send">): void {
  bullmqEngine({ workers: [worker] });
}

export function bunqueue(queue: BunQueue<Mail>, worker: BunWorker<Mail, number>): void {
  bunqueueEngine({ queues: [queue], workers: [worker] });
}
