// A processor that BullMQ runs in a process or thread of its own; the port of
// Redis is in its environment, the library of its queue in its job.
import process from "node:process";
import { createSandbox } from "../../src/sandbox/mod.ts";

interface Job {
  readonly id?: string;
  readonly name: string;
  readonly queueName: string;
  readonly data: { readonly major: string };
  readonly opts: object;
}

const connection = { host: "127.0.0.1", port: Number(process.env["Z4J_TEST_REDIS_PORT"]) };

export default async (job: Job): Promise<unknown> => {
  const { Queue } = await import(job.data.major) as typeof import("bullmq");
  const queue = new Queue("sandbox-audit", { connection });
  const sandbox = createSandbox({ queues: [queue] });
  const processor = sandbox.wrap(async (inner: Job) => {
    await Promise.resolve();
    if (inner.name === "fails") throw new Error(`asked by ${sandbox.current()?.user}`);
    const child = await queue.add("note", { about: inner.id });
    return { seen: sandbox.current(), child: child.id, data: inner.data };
  });
  try {
    return { ...await processor(job) as object, outside: sandbox.current() ?? null };
  } finally {
    sandbox.close();
    await queue.close();
  }
};
