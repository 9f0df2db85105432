import { TIMED_OUT, withDeadline } from "../../../base/clock.ts";
import type { JsonValue } from "../../../base/json.ts";
import type { ActionContext, ActionOutcome } from "../../contract.ts";
import { finite, member } from "../facts.ts";
import type { BullWorkerLike } from "../like.ts";
import type { CommandSite, SiteWorker } from "./site.ts";

/** What a worker can be told; travels as JSON to the process that has it. */
export type WorkerOrder =
  | { readonly kind: "resize"; readonly delta: number }
  | { readonly kind: "consume"; readonly queue: string; readonly on: boolean }
  | { readonly kind: "restart" };

/** Carries an order out if the worker is one of this process. */
export async function orderHere(
  site: CommandSite,
  name: string,
  order: WorkerOrder,
  context: ActionContext,
): Promise<ActionOutcome | undefined> {
  const found = site.workers().find((worker) => worker.name === name);
  if (found === undefined) return undefined;
  if (order.kind === "resize") return resize(site, found, order.delta);
  if (order.kind === "consume") return consume(site, found, order.queue, order.on);
  return await restart(site, found, context);
}

function resize(site: CommandSite, { worker, name }: SiteWorker, delta: number): ActionOutcome {
  const before = finite(member(worker, "concurrency"));
  if (before === undefined) {
    return { status: "refused", reason: "the concurrency of this worker cannot be changed" };
  }
  const wanted = Math.max(1, before + delta);
  const result = { worker: name, engine: site.engine, concurrency_before: before };
  if (wanted === before) {
    return { status: "noop", reason: "it runs one job at a time already", result };
  }
  if (!Reflect.set(worker, "concurrency", wanted) || member(worker, "concurrency") !== wanted) {
    return { status: "failed", error: "the worker did not take the new concurrency" };
  }
  return { status: "done", result: { ...result, concurrency: wanted } };
}

function consume(
  site: CommandSite,
  { worker, name }: SiteWorker,
  queue: string,
  on: boolean,
): ActionOutcome | Promise<ActionOutcome> {
  if (queue !== worker.name) {
    return {
      status: "refused",
      reason: `worker ${name} takes jobs of queue ${worker.name} and can take those of no other`,
    };
  }
  const isPaused = call(worker, "isPaused") === true;
  const result = { worker: name, engine: site.engine, queue, consuming: on };
  if (isPaused === !on) {
    const reason = on ? "it takes jobs already" : "it takes no jobs already";
    return { status: "noop", reason, result };
  }
  const change = on ? "resume" : "pause";
  if (typeof member(worker, change) !== "function") {
    return { status: "refused", reason: `this worker cannot ${change}` };
  }
  // Without waiting for the jobs that run: they may take hours.
  return Promise.resolve(call(worker, change, true)).then(() => ({ status: "done", result }));
}

// A job that runs longer is taken up by another worker after its lock ends.
const CLOSE_MS = 30_000;
const MARGIN_MS = 5_000;

async function restart(
  site: CommandSite,
  { name }: SiteWorker,
  context: ActionContext,
): Promise<ActionOutcome> {
  const host = site.restart();
  const refusal = host === undefined ? "this agent cannot end its process" : host.refusal();
  if (host === undefined || refusal !== null) {
    return { status: "refused", reason: `worker ${name} cannot be restarted: ${refusal}` };
  }
  const workers = site.workers().map(({ worker }) => worker);
  const waitMs = Math.max(0, Math.min(CLOSE_MS, context.remainingMs - MARGIN_MS));
  const ends = await Promise.all(
    workers.map(async (worker) =>
      await withDeadline(site.clock, close(worker), waitMs) !== TIMED_OUT
    ),
  );
  host.exit();
  const result: Record<string, JsonValue> = {
    worker_name: name,
    engine: site.engine,
    restarted_via: "exit",
    workers: workers.length,
    still_running: ends.filter((isClosed) => !isClosed).length,
  };
  return { status: "done", result };
}

async function close(worker: BullWorkerLike): Promise<void> {
  try {
    await call(worker, "close");
  } catch {
    // Whatever it was, the process ends.
  }
}

function call(worker: BullWorkerLike, method: string, ...values: readonly unknown[]): unknown {
  const found = member(worker, method);
  return typeof found === "function" ? Reflect.apply(found, worker, values) : undefined;
}
