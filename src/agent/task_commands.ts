import { type Clock, sleep } from "../base/clock.ts";
import type { JsonValue } from "../base/json.ts";
import type {
  ActionContext,
  ActionOutcome,
  Engine,
  SubmitInput,
  TaskState,
} from "../engines/contract.ts";
import { arrayOf, cannot, etaOf, priorityOf, recordOf, refuse } from "./command_inputs.ts";
import { type ReceivedCommand, textMember } from "./commands.ts";
import { chooseEngine } from "./engine_choice.ts";

/** A job to be enqueued, as a command describes it. */
export interface Submission {
  readonly command: ReceivedCommand;
  readonly name: string | null;
  readonly key: string;
  readonly context: ActionContext;
  readonly clock: Clock;
}

/** Enqueues a job (protocol section 18.8). */
export function submit(engine: Engine, submission: Submission): Promise<ActionOutcome> {
  const { command: { parameters }, name, key, context, clock } = submission;
  if (engine.actions.submit === undefined) return cannot(engine, "submit jobs");
  if (name === null) return refuse("the command names no task");
  const args = arrayOf(parameters["args"]);
  const kwargs = recordOf(parameters["kwargs"]);
  if (args === null || kwargs === null) return refuse("args must be a list, kwargs an object");
  const input: SubmitInput = {
    name,
    args,
    kwargs,
    queue: textMember(parameters, "queue"),
    etaMs: etaOf(parameters, clock),
    priority: priorityOf(parameters["priority"]),
    idempotencyKey: key,
  };
  return engine.actions.submit(input, context);
}

const FIRE_RETRY_MS = 500;
const MAX_FIRE_RETRY_MS = 8000;

/**
 * Carries out a tick of the brain's scheduler. One failed tick disables the
 * schedule on a stock brain, so a failure without an effect is tried again for
 * as long as the command lives.
 */
export async function fire(
  attempt: () => Promise<ActionOutcome>,
  context: ActionContext,
  clock: Clock,
): Promise<ActionOutcome> {
  const until = clock.monotonic() + context.remainingMs;
  for (let tries = 0;; tries++) {
    const outcome = await attempt();
    const delay = Math.min(FIRE_RETRY_MS * 2 ** tries, MAX_FIRE_RETRY_MS);
    const isOutOfTime = clock.monotonic() + delay * 2 > until;
    if (outcome.status !== "failed" || isOutOfTime || context.signal.aborted) return outcome;
    await sleep(clock, delay, context.signal);
  }
}

/**
 * Runs a job again. The brain's copies of args and kwargs are redacted: never run
 * them, take the original in the engine or both overrides (protocol section 18.1).
 */
export function retry(
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
  clock: Clock,
): Promise<ActionOutcome> {
  const { parameters } = command;
  const taskId = textMember(parameters, "task_id");
  if (taskId === null) return refuse("the command names no task_id");
  const halves = [parameters["override_args"] ?? null, parameters["override_kwargs"] ?? null];
  const [args, kwargs] = [arrayOf(halves[0]), recordOf(halves[1])];
  if (args === null || kwargs === null) return refuse("the overrides are not a list and an object");
  const given = halves.filter((half) => half !== null).length;
  if (given === 1) return refuse("a retry needs both override_args and override_kwargs, or none");
  const overrides = given === 2 ? { args, kwargs } : null;
  const etaMs = etaOf(parameters, clock);
  const priority = priorityOf(parameters["priority"]);
  if (engine.actions.retry !== undefined) {
    return engine.actions.retry({ taskId, overrides, etaMs, priority }, context);
  }
  if (overrides === null) return cannot(engine, "retry a job with its original input");
  const name = textMember(parameters, "task_name");
  const lowered = { ...command, parameters: { ...parameters, ...overrides } };
  return submit(engine, { command: lowered, name, key: command.id, context, clock });
}

/** Takes a job back (protocol section 18.2). */
export function cancel(
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
): Promise<ActionOutcome> {
  const taskId = textMember(command.parameters, "task_id");
  if (taskId === null) return refuse("the command names no task_id");
  if (engine.actions.cancel === undefined) return cannot(engine, "cancel jobs");
  return engine.actions.cancel(taskId, context);
}

/** Runs a job that failed for good again (protocol section 18.4). */
export function requeueDeadLetter(
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
): Promise<ActionOutcome> {
  const taskId = textMember(command.parameters, "task_id");
  if (taskId === null) return refuse("the command names no task_id");
  if (engine.actions.requeueDeadLetter === undefined) {
    return cannot(engine, "requeue dead letters");
  }
  return engine.actions.requeueDeadLetter(taskId, context);
}

/** Looks a job up. What cannot be looked up is `unknown`, which changes nothing (section 18.7). */
export async function reconcile(
  engines: ReadonlyMap<string, Engine>,
  command: ReceivedCommand,
  context: ActionContext,
): Promise<ActionOutcome> {
  const taskId = textMember(command.parameters, "task_id") ?? textMember(command.target, "id");
  if (taskId === null) return await refuse("the command names no task_id");
  const choice = chooseEngine(command, engines);
  const state = choice.ok ? await lookUp(choice.engine, taskId, context) : UNKNOWN;
  const result: Record<string, JsonValue> = { task_id: taskId, engine_state: state.state };
  const { finishedAtMs, exception, stalled } = state;
  if (finishedAtMs !== undefined) result["finished_at"] = new Date(finishedAtMs).toISOString();
  if (exception !== undefined) result["exception"] = exception;
  if (stalled !== undefined) result["stalled"] = stalled;
  return { status: "done", result };
}

const UNKNOWN: TaskState = { state: "unknown" };

async function lookUp(engine: Engine, taskId: string, context: ActionContext): Promise<TaskState> {
  try {
    return await engine.actions.reconcile?.(taskId, context) ?? UNKNOWN;
  } catch {
    return UNKNOWN;
  }
}
