import { type Clock, sleep } from "../base/clock.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import type {
  ActionContext,
  ActionOutcome,
  Engine,
  SubmitInput,
  TaskPriority,
  TaskState,
} from "../engines/contract.ts";
import {
  type CommandHandler,
  type CommandRegistry,
  type ReceivedCommand,
  textMember,
} from "./commands.ts";
import { chooseEngine } from "./engine_choice.ts";

/** What engine commands need. */
export interface EngineCommandParts {
  /** Engines by name. */
  readonly engines: ReadonlyMap<string, Engine>;
  /** Time source. */
  readonly clock: Clock;
}

/** Registers the actions on jobs (protocol section 18). */
export function registerEngineCommands(
  registry: CommandRegistry,
  parts: EngineCommandParts,
): void {
  const { engines, clock } = parts;
  const onEngine = (run: EngineRun): CommandHandler => (command, context) => {
    const choice = chooseEngine(command, engines);
    return choice.ok ? run(choice.engine, command, context) : refuse(choice.reason);
  };
  registry.register(
    "submit_task",
    onEngine((engine, command, context) => {
      const name = textMember(command.parameters, "name") ?? textMember(command.target, "name");
      return submit(engine, { command, name, key: command.id, context, clock });
    }),
  );
  registry.register(
    "schedule.fire",
    onEngine((engine, command, context) => {
      const name = textMember(command.parameters, "task_name");
      const key = textMember(command.parameters, "fire_id") ?? command.id;
      return fire(() => submit(engine, { command, name, key, context, clock }), context, clock);
    }),
  );
  registry.register(
    "retry_task",
    onEngine((engine, command, context) => retry(engine, command, context, clock)),
  );
  registry.register("cancel_task", onEngine(cancel));
  registry.register("reconcile_task", (command, context) => reconcile(engines, command, context));
}

type EngineRun = (
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
) => Promise<ActionOutcome>;

interface Submission {
  readonly command: ReceivedCommand;
  readonly name: string | null;
  readonly key: string;
  readonly context: ActionContext;
  readonly clock: Clock;
}

function submit(engine: Engine, submission: Submission): Promise<ActionOutcome> {
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

const FIRE_RETRY_MS = [500, 1000, 2000, 4000, 8000];

// One failed tick disables the schedule on a stock brain, so a failure without
// an effect is tried again for as long as the command lives.
async function fire(
  attempt: () => Promise<ActionOutcome>,
  context: ActionContext,
  clock: Clock,
): Promise<ActionOutcome> {
  const until = clock.monotonic() + context.remainingMs;
  for (let tries = 0;; tries++) {
    const outcome = await attempt();
    const delay = FIRE_RETRY_MS[Math.min(tries, FIRE_RETRY_MS.length - 1)] ?? 0;
    const isOutOfTime = clock.monotonic() + delay * 2 > until;
    if (outcome.status !== "failed" || isOutOfTime || context.signal.aborted) return outcome;
    await sleep(clock, delay, context.signal);
  }
}

// The brain's copies of args and kwargs are redacted: never run them, take the
// original in the engine or both overrides (protocol section 18.1).
function retry(
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

function cancel(
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
): Promise<ActionOutcome> {
  const taskId = textMember(command.parameters, "task_id");
  if (taskId === null) return refuse("the command names no task_id");
  if (engine.actions.cancel === undefined) return cannot(engine, "cancel jobs");
  return engine.actions.cancel(taskId, context);
}

// What cannot be looked up is `unknown`, which changes nothing (section 18.7).
async function reconcile(
  engines: ReadonlyMap<string, Engine>,
  command: ReceivedCommand,
  context: ActionContext,
): Promise<ActionOutcome> {
  const taskId = textMember(command.parameters, "task_id") ?? textMember(command.target, "id");
  if (taskId === null) return await refuse("the command names no task_id");
  const choice = chooseEngine(command, engines);
  const state = choice.ok ? await lookUp(choice.engine, taskId, context) : UNKNOWN;
  const result: Record<string, JsonValue> = { task_id: taskId, engine_state: state.state };
  const { finishedAtMs, exception } = state;
  if (finishedAtMs !== undefined) result["finished_at"] = new Date(finishedAtMs).toISOString();
  if (exception !== undefined) result["exception"] = exception;
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

function arrayOf(value: JsonValue | undefined): readonly JsonValue[] | null {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : null;
}

function recordOf(value: JsonValue | undefined): JsonObject | null {
  if (value === undefined || value === null) return {};
  return isJsonObject(value) ? value : null;
}

// `eta` is absolute and wins; `eta_seconds` only repeats what was typed.
function etaOf(parameters: JsonObject, clock: Clock): number | null {
  const { eta, eta_seconds } = parameters;
  if (typeof eta === "number" && Number.isFinite(eta)) return Math.round(eta * 1000);
  if (typeof eta_seconds === "number" && Number.isFinite(eta_seconds)) {
    return clock.now() + Math.round(eta_seconds * 1000);
  }
  return null;
}

const PRIORITIES: ReadonlySet<unknown> = new Set(["critical", "high", "normal", "low"]);

function priorityOf(value: JsonValue | undefined): TaskPriority | null {
  return PRIORITIES.has(value) ? value as TaskPriority : null;
}

function cannot(engine: Engine, what: string): Promise<ActionOutcome> {
  return refuse(`engine "${engine.name}" cannot ${what}`);
}

function refuse(reason: string): Promise<ActionOutcome> {
  return Promise.resolve({ status: "refused", reason });
}
