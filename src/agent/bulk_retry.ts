import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { ActionContext, ActionOutcome, Engine, RetryInput } from "../engines/contract.ts";
import { arrayOf, cannot, priorityOf, recordOf, refuse } from "./command_inputs.ts";
import { objectMember, type ReceivedCommand } from "./commands.ts";
import { BULK_MARGIN_MS, BULK_WIDTH, MAX_BULK_IDS, MAX_BULK_REPORTED } from "./limits.ts";

/**
 * Runs the named jobs again, each by its own reference, with an outcome for each
 * (protocol section 18.3). The selection that the brain made them from selects
 * nothing here: without ids nothing happens.
 */
export async function bulkRetry(
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
  clock: Clock,
): Promise<ActionOutcome> {
  const retry = engine.actions.retry?.bind(engine.actions);
  if (retry === undefined) return await cannot(engine, "retry jobs with their original input");
  const filter = objectMember(command.parameters, "filter");
  const ids = arrayOf(filter["task_ids"]);
  const max = command.parameters["max"] ?? MAX_BULK_IDS;
  if (ids === null) return await refuse("filter.task_ids is not a list");
  if (typeof max !== "number" || !Number.isSafeInteger(max) || max < 1) {
    return await refuse("max must be a positive integer");
  }
  const named = [...new Set(ids.filter((id) => typeof id === "string" && id !== ""))] as string[];
  if (named.length < new Set(ids).size) return await refuse("filter.task_ids holds other things");
  if (named.length === 0) {
    return { status: "noop", reason: "no task ids", result: { requested: 0 } };
  }
  const wanted = named.slice(0, Math.min(max, MAX_BULK_IDS));
  const priorities = recordOf(filter["task_priorities"]) ?? {};
  const untilMs = clock.monotonic() + context.remainingMs - BULK_MARGIN_MS;
  const outcomes = new Map<string, ActionOutcome>();
  let next = 0;
  const work = async (): Promise<void> => {
    for (let id = wanted[next++]; id !== undefined; id = wanted[next++]) {
      const inTime = !context.signal.aborted && clock.monotonic() < untilMs;
      outcomes.set(id, inTime ? await retryOne(retry, id, priorities, context) : TOO_LATE);
    }
  };
  await Promise.all(Array.from({ length: Math.min(BULK_WIDTH, wanted.length) }, work));
  return account(outcomes, named.length);
}

const TOO_LATE: ActionOutcome = {
  status: "refused",
  reason: "not tried: the time of the command was up",
};

async function retryOne(
  retry: NonNullable<Engine["actions"]["retry"]>,
  taskId: string,
  priorities: JsonObject,
  context: ActionContext,
): Promise<ActionOutcome> {
  const priority = priorityOf(priorities[taskId]);
  const input: RetryInput = { taskId, overrides: null, etaMs: null, priority };
  try {
    return await retry(input, context);
  } catch (error) {
    return { status: "indeterminate", reason: errorText(error) };
  }
}

// One answer for all: success when any job runs again or was to be left alone.
function account(outcomes: ReadonlyMap<string, ActionOutcome>, requested: number): ActionOutcome {
  const entries = [...outcomes];
  const count = (status: ActionOutcome["status"]): number =>
    entries.filter(([, outcome]) => outcome.status === status).length;
  const [done, left] = [count("done"), count("noop")];
  const failed = entries.length - done - left;
  const problems = entries.flatMap(([id, outcome]) => {
    const problem = problemOf(outcome);
    return problem === null ? [] : [[id, problem] as const];
  });
  const result = {
    requested,
    retried: done,
    succeeded: done + left,
    skipped: left,
    failed,
    indeterminate: count("indeterminate"),
    capped: outcomes.size < requested,
    new_task_ids: newIds(entries),
    outcomes: Object.fromEntries(
      entries.slice(0, MAX_BULK_REPORTED).map(([id, { status }]) => [id, status]),
    ),
    errors: Object.fromEntries(problems.slice(0, MAX_BULK_REPORTED)),
  };
  if (done + left > 0) return { status: "done", result };
  const error = `no job was retried: ${problems[0]?.[1]}`;
  // Counted in the result above; the flag of the same name says it for the whole.
  const { indeterminate, ...counts } = result;
  return indeterminate > 0
    ? { status: "indeterminate", reason: error, result: counts }
    : { status: "failed", error, result };
}

function newIds(entries: readonly (readonly [string, ActionOutcome])[]): JsonObject {
  return Object.fromEntries(
    entries.flatMap(([id, outcome]) => {
      const made = outcome.status === "done" ? outcome.result["new_task_id"] : undefined;
      return typeof made === "string" ? [[id, made]] : [];
    }).slice(0, MAX_BULK_REPORTED),
  );
}

// Short: thousands of them travel in one answer.
function problemOf(outcome: ActionOutcome): string | null {
  if (outcome.status === "done" || outcome.status === "noop") return null;
  const text = outcome.status === "failed" ? outcome.error : outcome.reason;
  return text.slice(0, 120);
}
