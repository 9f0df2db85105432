import type { Queue as BullQueue, Worker as BullWorker } from "bullmq";
import { bullmqEngine, type BullmqEngineOptions } from "../../src/engines/bullmq/mod.ts";
import type {
  ActionContext,
  ActionOutcome,
  Engine,
  EngineHost,
  RetryInput,
  SubmitInput,
} from "../../src/engines/contract.ts";
import { createHost, createSeen, MAJORS, type Seen } from "./bullmq_stream.ts";

/** The classes of one major version of BullMQ. */
export type Bullmq = (typeof MAJORS)[number][1];
type Processor = ConstructorParameters<Bullmq["Worker"]>[1];

/** A queue of its own with an engine around it. */
export interface CommandBed {
  readonly queue: BullQueue;
  readonly worker: BullWorker | undefined;
  readonly engine: Engine;
  readonly seen: Seen;
  /** Task id of a job. */
  id(job: { readonly id?: string | undefined }): string;
  retry(taskId: string, more?: Partial<RetryInput>): Promise<ActionOutcome>;
  cancel(taskId: string): Promise<ActionOutcome>;
  submit(more: Partial<SubmitInput>): Promise<ActionOutcome>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How to open a bed. */
export interface CommandBedOptions {
  readonly port: number;
  readonly bullmq: Bullmq;
  readonly processor?: Processor | undefined;
  readonly concurrency?: number | undefined;
  readonly name?: string | undefined;
  /** With a host the engine also reads streams and takes orders of others. */
  readonly host?: EngineHost | undefined;
  readonly prefix?: string | undefined;
  readonly engine?: Partial<BullmqEngineOptions> | undefined;
}

let count = 0;

/** Opens a queue, a worker if there is a processor, and the engine, attached. */
export async function openCommandBed(options: CommandBedOptions): Promise<CommandBed> {
  const { port, bullmq: { Queue, Worker }, processor, host } = options;
  const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };
  const name = options.name ?? `commands-${++count}`;
  const { prefix = "bull" } = options;
  const queue = new Queue(name, { connection, prefix });
  queue.on("error", () => {});
  const worker = processor === undefined ? undefined : new Worker(name, processor, {
    connection,
    prefix,
    concurrency: options.concurrency ?? 5,
    name: `${name}-w`,
  });
  worker?.on("error", () => {});
  await queue.waitUntilReady();
  await worker?.waitUntilReady();
  const engine = bullmqEngine({
    queues: [queue],
    workers: worker === undefined ? [] : [worker],
    ...options.engine,
  });
  const seen = createSeen();
  await engine.attach(seen.sink, host);
  const { actions } = engine;
  return {
    queue,
    worker,
    engine,
    seen,
    id: (job) => `${name}:${job.id}`,
    retry: (taskId, more = {}) =>
      given(
        actions.retry?.(
          { taskId, overrides: null, etaMs: null, priority: null, ...more },
          context(),
        ),
      ),
    cancel: (taskId) => given(actions.cancel?.(taskId, context())),
    submit: (more) =>
      given(
        actions.submit?.({
          name: "job",
          args: [],
          kwargs: {},
          queue: name,
          etaMs: null,
          priority: null,
          idempotencyKey: null,
          ...more,
        }, context()),
      ),
    async [Symbol.asyncDispose]() {
      await engine.detach();
      await worker?.close(true);
      await queue.close();
    },
  };
}

/** The result of an outcome that is `done` or `noop`. */
export function resultOf(outcome: ActionOutcome | undefined): Readonly<Record<string, unknown>> {
  if (outcome?.status === "done" || outcome?.status === "noop") return outcome.result ?? {};
  throw new Error(`the command was not done: ${JSON.stringify(outcome)}`);
}

/** A context with time enough. */
export function context(remainingMs = 20_000): ActionContext {
  return { signal: new AbortController().signal, remainingMs };
}

/** Fails when the action is missing. */
export async function given<T>(outcome: Promise<T> | undefined): Promise<T> {
  if (outcome === undefined) throw new Error("the engine has no such action");
  return await outcome;
}

export { createHost, MAJORS };
