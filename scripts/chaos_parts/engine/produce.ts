import { FlowProducer, type JobsOptions, Queue } from "bullmq";
import type { Random } from "../random.ts";
import type { ChaosJob } from "./member.ts";

/** Queues of the scenario. */
export const QUEUES = ["mail", "image", "report"] as const;

/** Adds jobs of every kind. */
export interface Producer {
  readonly queues: readonly Queue[];
  /** Adds so many jobs, a portion at a time; resolves when Redis has them all. */
  run(jobs: number, pauseMs: number): Promise<void>;
  /** Whether every job has ended. */
  isIdle(): Promise<boolean>;
  close(): Promise<void>;
}

// Jobs of one portion; a flow counts as one of them and has three more.
const PORTION = 20;

/** Creates a producer that draws what jobs do. */
export function createProducer(port: number, random: Random): Producer {
  const connection = { host: "127.0.0.1", port };
  const quiet = <T extends { on(event: "error", listener: () => void): unknown }>(one: T): T => {
    one.on("error", () => {});
    return one;
  };
  const queues = QUEUES.map((name) => quiet(new Queue(name, { connection })));
  const flows = quiet(new FlowProducer({ connection }));
  const draw = (): { readonly data: ChaosJob; readonly opts: JobsOptions } => {
    const takesMs = random.chance(0.2) ? random.int(5, 60) : 0;
    if (random.chance(0.1)) {
      return { data: { does: "fail", takesMs }, opts: { attempts: random.int(1, 3) } };
    }
    if (random.chance(0.2)) {
      const backoff = random.chance(0.5) ? {} : { backoff: random.int(10, 300) };
      return { data: { does: "flaky", takesMs }, opts: { attempts: 3, ...backoff } };
    }
    const delay = random.chance(0.15) ? { delay: random.int(10, 1_000) } : {};
    return { data: { does: "ok", takesMs }, opts: delay };
  };
  const addOne = async (): Promise<number> => {
    const queue = queues[random.int(0, queues.length - 1)];
    const name = random.pick(["send", "resize", "sum"]);
    if (queue === undefined) return 0;
    if (!random.chance(0.05)) {
      const { data, opts } = draw();
      await queue.add(name, data, opts);
      return 1;
    }
    const ok = (): ChaosJob => ({ does: "ok", takesMs: 0 });
    const child = (): string => random.pick(QUEUES);
    await flows.add({
      ...{ name: "root", queueName: queue.name, data: ok() },
      children: [
        { name: "leaf", queueName: child(), data: ok() },
        {
          ...{ name: "branch", queueName: child(), data: ok() },
          children: [{ name: "leaf", queueName: child(), data: ok() }],
        },
      ],
    });
    return 4;
  };
  return {
    queues,
    async run(jobs, pauseMs) {
      for (let left = jobs; left > 0;) {
        const added = await Promise.all(
          Array.from({ length: Math.min(PORTION, left) }, () => addOne()),
        );
        left -= added.reduce((sum, count) => sum + count, 0);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    },
    async isIdle() {
      const open = await Promise.all(
        queues.map((queue) =>
          queue.getJobCountByTypes("wait", "active", "delayed", "prioritized", "waiting-children")
        ),
      );
      return open.every((count) => count === 0);
    },
    async close() {
      await Promise.all([...queues, flows].map((one) => one.close()));
    },
  };
}
