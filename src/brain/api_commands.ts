import { isJsonObject, type JsonObject } from "../base/json.ts";
import {
  flag,
  optionalArray,
  optionalInteger,
  optionalObject,
  optionalText,
  text,
} from "./api_parse.ts";
import { HttpRefusal } from "./http_env.ts";
import type { CommandRequest } from "./operator_port.ts";
import type { TaskRow } from "./store.ts";

const MAX_ENGINE = 40;
const MAX_NAME = 200;
const MAX_TASK_NAME = 500;
const MAX_TASK_ID = 200;
const MAX_ETA_SECONDS = 86_400;
const MAX_BULK = 10_000;
const MAX_POOL_DELTA = 100;
const MAX_CONCURRENCY = 1_000_000;

/** What a command body is turned into, before project and agent are added. */
export interface CommandDraft {
  readonly action: string;
  readonly target: JsonObject;
  readonly parameters: JsonObject;
}

/** What drafts need to know besides the body. */
export interface DraftFacts {
  readonly nowMs: number;
  task(engine: string, taskId: string): TaskRow | null;
}

type Draft = (body: JsonObject, facts: DraftFacts) => CommandDraft;

/** The bodies of `POST commands/<name>` (protocol section 18). */
export const COMMAND_DRAFTS: Readonly<Record<string, Draft>> = {
  "retry-task": retryTask,
  "cancel-task": (body) => onTask("cancel_task", body),
  "requeue-dead-letter": (body) => onTask("requeue_dead_letter", body),
  "bulk-retry": bulkRetry,
  "purge-queue": purgeQueue,
  "rate-limit": rateLimit,
  "pause-queue": (body) => onQueue("pause_queue", body, {}),
  "resume-queue": (body) => onQueue("resume_queue", body, {}),
  "queue-concurrency": (body) =>
    onQueue("queue_concurrency", body, {
      concurrency: optionalInteger(body, "concurrency", 1, MAX_CONCURRENCY),
    }),
  "reconcile-task": reconcileTask,
  "submit-task": submitTask,
  "restart-worker": (body) => onWorker("restart_worker", body, {}),
  "pool-resize": poolResize,
  "add-consumer": (body) =>
    onWorker("add_consumer", body, { queue: text(body, "queue", MAX_NAME) }),
  "cancel-consumer": (body) =>
    onWorker("cancel_consumer", body, { queue: text(body, "queue", MAX_NAME) }),
};

/** Turns a body into the request that the operator takes. */
export function parseCommand(
  projectId: string,
  draft: Draft,
  body: JsonObject,
  facts: DraftFacts,
): CommandRequest {
  const agentId = text(body, "agent_id", MAX_NAME);
  const idempotencyKey = optionalText(body, "idempotency_key", MAX_NAME);
  return { projectId, agentId, idempotencyKey, ...draft(body, facts) };
}

interface TaskAddress {
  readonly engine: string;
  readonly taskId: string;
}

function taskAddress(body: JsonObject): TaskAddress {
  return {
    engine: text(body, "engine", MAX_ENGINE),
    taskId: text(body, "task_id", MAX_TASK_ID),
  };
}

function taskTarget({ engine, taskId }: TaskAddress): JsonObject {
  return { type: "task", id: `${engine}:${taskId}`, engine };
}

function onTask(action: string, body: JsonObject): CommandDraft {
  const address = taskAddress(body);
  const parameters = { engine: address.engine, task_id: address.taskId };
  return { action, target: taskTarget(address), parameters };
}

function retryTask(body: JsonObject, facts: DraftFacts): CommandDraft {
  const address = taskAddress(body);
  const overrideArgs = optionalArray(body, "override_args");
  const overrideKwargs = optionalObject(body, "override_kwargs");
  if ((overrideArgs === null) !== (overrideKwargs === null)) {
    throw new HttpRefusal(422, "override_args and override_kwargs belong together");
  }
  const etaSeconds = optionalInteger(body, "eta_seconds", 0, MAX_ETA_SECONDS);
  const row = facts.task(address.engine, address.taskId);
  const parameters = {
    engine: address.engine,
    task_id: address.taskId,
    task_name: row?.name ?? null,
    args: null, // the stored copies are redacted and must not be run again
    kwargs: null,
    override_args: overrideArgs,
    override_kwargs: overrideKwargs,
    original_had_args: row !== null && row.args !== null,
    eta: etaSeconds === null ? null : facts.nowMs / 1_000 + etaSeconds,
    eta_seconds: etaSeconds,
    priority: row?.priority ?? null,
  };
  return { action: "retry_task", target: taskTarget(address), parameters };
}

function bulkRetry(body: JsonObject, facts: DraftFacts): CommandDraft {
  const filter = optionalObject(body, "filter") ?? {};
  const engine = text(filter, "engine", MAX_ENGINE);
  const ids = optionalArray(filter, "task_ids");
  if (ids === null) throw new HttpRefusal(410, "bulk-retry without filter.task_ids is gone");
  const taskIds = ids.filter((id) => typeof id === "string" && id !== "");
  if (taskIds.length !== ids.length || ids.length === 0 || ids.length > MAX_BULK) {
    throw new HttpRefusal(422, `filter.task_ids must be 1 to ${MAX_BULK} task ids`);
  }
  const names = taskIds.flatMap((id) => {
    const row = facts.task(engine, String(id));
    return row === null ? [] : [[String(id), row.name] as const];
  });
  return {
    action: "bulk_retry",
    target: { type: "bulk", id: null, engine },
    parameters: {
      filter: { ...filter, task_names: Object.fromEntries(names) },
      max: optionalInteger(body, "max", 1, MAX_BULK) ?? 1_000,
    },
  };
}

function purgeQueue(body: JsonObject): CommandDraft {
  const queue = text(body, "queue", MAX_NAME);
  const observedDepth = optionalInteger(body, "observed_depth", 0, Number.MAX_SAFE_INTEGER);
  const confirmToken = optionalText(body, "confirm_token", MAX_NAME);
  const force = flag(body, "force");
  if (observedDepth === null && confirmToken === null && !force) {
    throw new HttpRefusal(422, "observed_depth, confirm_token or force is required");
  }
  // The core, which holds the project secret, trades the depth for the token.
  const depth = observedDepth === null ? {} : { observed_depth: observedDepth };
  return {
    action: "purge_queue",
    target: { type: "queue", id: queue },
    parameters: { queue, confirm_token: confirmToken, force, ...depth },
  };
}

function onQueue(action: string, body: JsonObject, extra: JsonObject): CommandDraft {
  const engine = text(body, "engine", MAX_ENGINE);
  const queue = text(body, "queue", MAX_NAME);
  return {
    action,
    target: { type: "queue", id: queue, engine },
    parameters: { engine, queue, ...extra },
  };
}

function rateLimit(body: JsonObject): CommandDraft {
  const taskName = text(body, "task_name", MAX_TASK_NAME);
  const rate = text(body, "rate", MAX_ENGINE);
  if (!/^(0|[1-9]\d*(\/[smh])?)$/.test(rate)) {
    throw new HttpRefusal(422, 'rate must be "0", or a number such as "10" or "10/m"');
  }
  return {
    action: "rate_limit",
    target: { type: "task", id: taskName },
    parameters: {
      task_name: taskName,
      rate,
      worker_name: optionalText(body, "worker_name", MAX_NAME),
    },
  };
}

function reconcileTask(body: JsonObject): CommandDraft {
  const { engine, taskId } = taskAddress(body);
  return {
    action: "reconcile_task",
    target: { type: "task", id: taskId, engine },
    parameters: { task_id: taskId, engine },
  };
}

function submitTask(body: JsonObject): CommandDraft {
  const engine = text(body, "engine", MAX_ENGINE);
  const name = text(body, "name", MAX_TASK_NAME);
  return {
    action: "submit_task",
    target: { type: "task", id: name, engine },
    parameters: {
      name,
      args: optionalArray(body, "args") ?? [],
      kwargs: optionalObject(body, "kwargs") ?? {},
      queue: optionalText(body, "queue", MAX_NAME),
      filter: { engine },
    },
  };
}

function onWorker(action: string, body: JsonObject, extra: JsonObject): CommandDraft {
  const workerName = text(body, "worker_name", MAX_NAME);
  const engine = optionalText(body, "engine", MAX_ENGINE);
  const named = engine === null ? {} : { engine };
  return {
    action,
    target: { type: "worker", id: workerName, ...named },
    parameters: { worker_name: workerName, ...named, ...extra },
  };
}

function poolResize(body: JsonObject): CommandDraft {
  const delta = optionalInteger(body, "delta", -MAX_POOL_DELTA, MAX_POOL_DELTA) ?? 0;
  if (delta === 0) throw new HttpRefusal(422, "delta must be an integer other than 0");
  const action = delta > 0 ? "pool_grow" : "pool_shrink";
  return onWorker(action, body, { delta: Math.abs(delta) });
}

/** Tells whether the operator's answer is a command or why there is none. */
export function isRefusal<T extends object>(
  outcome: T | { readonly kind: string; readonly message: string },
): outcome is { readonly kind: string; readonly message: string } {
  return isJsonObject(outcome) && "kind" in outcome && "message" in outcome;
}
