import { randomUuid } from "../../base/ids.ts";
import type { ActionOutcome, SubmitInput } from "../contract.ts";
import { MAX_ETA_MS, MAX_WAITING, RECENT_RUNS } from "./limits.ts";
import { beginRun, receive, type RegisteredTask, type Run, runTask, type RunTools } from "./run.ts";

/** Starts runs on command. */
export interface Submitter {
  /** Starts a run now or at its time. */
  submit(input: SubmitInput): ActionOutcome;
  /** Takes back what has not begun yet. */
  stop(): void;
}

/** Creates the submitter of one engine. */
export function createSubmitter(
  engine: string,
  tasks: ReadonlyMap<string, RegisteredTask>,
  tools: RunTools,
): Submitter {
  const waiting = new Map<string, () => void>();
  const byKey = new Map<string, string>();
  let pending = 0;

  const begin = (run: Run): void => {
    waiting.delete(run.taskId);
    // Its failure is in the events; nobody else awaits it.
    runTask(tools, run).catch(() => {}).finally(() => pending--);
  };
  const remember = (key: string | null, taskId: string): void => {
    if (key !== null) byKey.set(key, taskId);
    for (const oldest of byKey.keys()) {
      if (byKey.size <= RECENT_RUNS) break;
      byKey.delete(oldest);
    }
  };
  return {
    submit(input) {
      const task = tasks.get(input.name);
      const earlier = input.idempotencyKey === null ? undefined : byKey.get(input.idempotencyKey);
      if (earlier !== undefined) {
        const result = { task_id: earlier, engine };
        return { status: "noop", reason: "it was submitted before", result };
      }
      if (task === undefined) return refused(`no task is named ${input.name}`);
      if (input.queue !== null) return refused("this engine has no queues");
      const delay = Math.max(0, (input.etaMs ?? 0) - tools.clock.now());
      if (delay > MAX_ETA_MS) return refused("the time is more than 24 days ahead");
      if (pending >= MAX_WAITING) return refused(`${MAX_WAITING} runs are pending already`);
      pending++;
      const taskId = randomUuid();
      remember(input.idempotencyKey, taskId);
      const hasNamed = Object.keys(input.kwargs).length > 0;
      const inputs = hasNamed ? [...input.args, input.kwargs] : input.args;
      const run = beginRun(tools, task, taskId, inputs);
      receive(tools, run, {
        args: input.args,
        kwargs: input.kwargs,
        priority: input.priority ?? undefined,
        eta: delay > 0 ? new Date(tools.clock.now() + delay).toISOString() : undefined,
      });
      if (delay === 0) begin(run);
      else waiting.set(taskId, tools.clock.setTimer(() => begin(run), delay));
      return { status: "done", result: { task_id: taskId, engine } };
    },
    stop() {
      for (const [taskId, cancel] of waiting) {
        cancel();
        pending--;
        tools.runs.set(taskId, { state: "unknown" });
        tools.report("task.revoked", { taskId, context: undefined }, {});
      }
      waiting.clear();
    },
  };
}

function refused(reason: string): ActionOutcome {
  return { status: "refused", reason };
}
