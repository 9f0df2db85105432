import { systemClock } from "../../base/clock.ts";
import { randomHex, randomUuid } from "../../base/ids.ts";
import type { WorkerReport } from "../contract.ts";
import { defineEngine } from "../define.ts";
import { createOutlet } from "./outlet.ts";
import { createPresence } from "./presence.ts";
import { register } from "./register.ts";
import type { ManualEngine, ManualEngineOptions, ManualTaskOptions } from "./options.ts";
import { beginRun, receive, type RegisteredTask, runTask, type RunTools } from "./run.ts";
import { createRuns } from "./runs.ts";
import { createSlots } from "./slots.ts";
import { createSubmitter } from "./submit.ts";

/**
 * An engine for plain async functions: no queue library, nothing stored, works
 * on every runtime. Runs live and die with the process.
 *
 * A wrapped function works with and without an agent. Named inputs of a
 * submitted run arrive as one object after the positional ones.
 *
 * @throws {RangeError} `concurrency` is not at least 1.
 * @throws {Z4jError} `Z4J_ENGINE_INVALID` for a name that a brain cannot keep.
 *
 * @example Report what a function does
 * ```ts
 * import { manualEngine } from "@z4j/core/engines/manual";
 * import { equal } from "node:assert/strict";
 *
 * const manual = manualEngine();
 * const double = manual.task("double", (n: number) => n * 2, { retries: 2 });
 * equal(await double(21), 42);
 * ```
 */
export function manualEngine(options: ManualEngineOptions = {}): ManualEngine {
  const { name = "manual", concurrency = Infinity, clock = systemClock } = options;
  if (!(concurrency >= 1)) {
    throw new RangeError(`Cannot create an engine: concurrency is ${concurrency}, expected >= 1`);
  }
  const tasks = new Map<string, RegisteredTask>();
  const worker = options.workerName ?? `worker-manual-${randomHex(3)}`;
  const outlet = createOutlet();
  const tools: RunTools = {
    clock,
    worker,
    slots: createSlots(concurrency),
    runs: createRuns(),
    report: (kind, { taskId, context }, data, occurredAtMs = clock.now()) =>
      outlet.event({ kind, taskId, occurredAtMs, data, context }),
    work: () => outlet.work(),
  };
  const submitter = createSubmitter(name, tasks, tools);
  const presence = createPresence(outlet, clock, worker, options.pid);
  return defineEngine<ManualEngine>({
    name,
    capabilities: ["submit_task"],
    task<A extends unknown[], R>(
      taskName: string,
      run: (...inputs: A) => R | Promise<R>,
      taskOptions: ManualTaskOptions = {},
    ): (...inputs: A) => Promise<R> {
      const task = register(tasks, taskName, run as RegisteredTask["run"], taskOptions);
      return (...inputs) => {
        const begun = beginRun(tools, task, randomUuid(), inputs);
        receive(tools, begun, { args: inputs });
        // What `run` gives is what `runTask` gives.
        return runTask(tools, begun) as Promise<R>;
      };
    },
    attach(sink) {
      if (outlet.open(sink)) presence.tell("worker.online");
    },
    detach() {
      if (!outlet.isOpen()) return;
      submitter.stop();
      presence.tell("worker.offline");
      outlet.close();
    },
    health() {
      presence.beat();
      return Promise.resolve({
        workers: [reportOf(worker, options, tools.runs.active(), [...tasks.keys()])],
      });
    },
    actions: {
      submit: (input) => Promise.resolve(submitter.submit(input)),
      reconcile: (taskId) => Promise.resolve(tools.runs.get(taskId)),
    },
  });
}

function reportOf(
  name: string,
  options: ManualEngineOptions,
  active: readonly string[],
  registered: readonly string[],
): WorkerReport {
  const { pid, concurrency = Infinity } = options;
  const limit = Number.isFinite(concurrency) ? concurrency : undefined;
  return { name, pid, concurrency: limit, active, queues: [], registered };
}
