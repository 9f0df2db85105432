import type { JsonObject, JsonValue } from "../base/json.ts";
import type {
  ActionContext,
  ActionOutcome,
  DeadLetter,
  Engine,
  PurgeConsent,
  RateLimitInput,
} from "../engines/contract.ts";
import { verifyPurgeToken } from "../protocol/purge_token.ts";
import { cannot, queueOf, refuse } from "./command_inputs.ts";
import { type ReceivedCommand, textMember } from "./commands.ts";
import { MAX_DEAD_LETTERS, MAX_EXCERPT_CHARS } from "./limits.ts";
import type { RedactorLike } from "./recorder.ts";

/** What purges are checked against. */
export interface PurgeRules {
  /** The project secret. */
  readonly secret: Uint8Array;
  /** Depth above which only force helps. */
  readonly threshold: number;
}

/** Empties a queue after a keyed confirmation of its depth (protocol section 19). */
export function purge(
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
  rules: PurgeRules,
): Promise<ActionOutcome> {
  if (engine.actions.purge === undefined) return cannot(engine, "purge queues");
  const queue = queueOf(command);
  if (queue === null) return refuse("the command names no queue");
  const force = command.parameters["force"] === true;
  const provided = textMember(command.parameters, "confirm_token");
  const confirm = (depth: number): Promise<PurgeConsent> =>
    force ? Promise.resolve({ ok: true }) : consent({ rules, queue, depth, provided });
  return engine.actions.purge({ queue, force, confirm }, context);
}

interface PurgeClaim {
  readonly rules: PurgeRules;
  readonly queue: string;
  readonly depth: number;
  readonly provided: string | null;
}

async function consent({ rules, queue, depth, provided }: PurgeClaim): Promise<PurgeConsent> {
  if (provided === null) {
    return { ok: false, reason: "a purge needs the confirmation of a depth, or force" };
  }
  const { secret, threshold } = rules;
  const { accepted } = await verifyPurgeToken({ provided, secret, queue, depth });
  if (!accepted) {
    return {
      ok: false,
      reason: `the confirmation does not fit the ${depth} jobs that wait now: confirm this depth`,
    };
  }
  return depth <= threshold ? { ok: true } : {
    ok: false,
    reason:
      `${depth} jobs wait, more than the ${threshold} of purgeThreshold: only force purges them`,
  };
}

/** Lists dead letters: a closed object of the wire (protocol section 18.4). */
export async function listDeadLetters(
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
  redactor: RedactorLike,
): Promise<ActionOutcome> {
  const { actions } = engine;
  if (actions.listDeadLetters === undefined) return await cannot(engine, "list dead letters");
  const limit = command.parameters["limit"] ?? 100;
  if (typeof limit !== "number" || !Number.isSafeInteger(limit) || limit < 1) {
    return await refuse("limit must be a positive integer");
  }
  const page = await actions.listDeadLetters({
    queue: queueOf(command),
    limit: Math.min(limit, MAX_DEAD_LETTERS),
    cursor: textMember(command.parameters, "cursor"),
  }, context);
  if (page.status !== "page") return page;
  const entries = page.entries.slice(0, MAX_DEAD_LETTERS);
  const result = {
    entries: entries.map((entry) => wireEntry(entry, redactor)),
    next_cursor: page.nextCursor,
    total: page.total,
    engine: engine.name,
  };
  return { status: "done", result };
}

function wireEntry(entry: DeadLetter, redactor: RedactorLike): JsonObject {
  const { failedAtMs, attempts } = entry;
  const clean = redactor.redact(entry.error);
  return {
    task_id: entry.taskId,
    task_name: entry.taskName.slice(0, 500),
    queue: entry.queue,
    failed_at: failedAtMs === null ? null : new Date(failedAtMs).toISOString(),
    // Redacted first: a cut might hide from the patterns what they look for.
    error_excerpt: tail(typeof clean === "string" ? clean : ""),
    attempts: attempts === null ? null : Math.max(0, Math.floor(attempts)),
  };
}

function tail(text: string): string {
  // By code points: half a surrogate pair is no text.
  return text.length <= MAX_EXCERPT_CHARS ? text : [...text].slice(-MAX_EXCERPT_CHARS).join("");
}

const PERIODS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** Limits how many jobs begin (protocol section 18.6). */
export function rateLimit(
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
): Promise<ActionOutcome> {
  if (engine.actions.rateLimit === undefined) return cannot(engine, "limit rates");
  const taskName = textMember(command.parameters, "task_name") ?? textMember(command.target, "id");
  const rate = rateOf(command.parameters["rate"]);
  if (taskName === null) return refuse("the command names no task");
  if (rate === undefined) return refuse('rate must be "0", or a number such as "10" or "10/m"');
  // Not of the target, which is the task (protocol section 18.6).
  const worker = textMember(command.parameters, "worker_name");
  return engine.actions.rateLimit({ taskName, rate, worker }, context);
}

function rateOf(value: JsonValue | undefined): RateLimitInput["rate"] | undefined {
  if (value === "0" || value === 0) return null;
  const [, count, unit = "s"] = /^([1-9]\d{0,8})(?:\/([smh]))?$/.exec(String(value)) ?? [];
  const periodMs = PERIODS[unit];
  return count === undefined || periodMs === undefined
    ? undefined
    : { max: Number(count), periodMs };
}

/** Pauses or resumes a queue in all processes. */
export function pauseOrResume(
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
): Promise<ActionOutcome> {
  const { pauseQueue, resumeQueue } = engine.actions;
  const queue = queueOf(command);
  if (queue === null) return refuse("the command names no queue");
  const act = command.action === "pause_queue" ? pauseQueue : resumeQueue;
  if (act === undefined) return cannot(engine, "pause and resume queues");
  return act.call(engine.actions, queue, context);
}

/** Limits how many jobs of a queue run at once in all processes. */
export function limitConcurrency(
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
): Promise<ActionOutcome> {
  const { actions } = engine;
  if (actions.limitConcurrency === undefined) return cannot(engine, "limit a queue's concurrency");
  const queue = queueOf(command);
  const limit = command.parameters["concurrency"] ?? null;
  if (queue === null) return refuse("the command names no queue");
  const isCount = typeof limit === "number" && Number.isSafeInteger(limit) && limit >= 1;
  if (limit !== null && !isCount) return refuse("concurrency must be a positive integer or null");
  return actions.limitConcurrency(queue, limit === null ? null : Number(limit), context);
}
