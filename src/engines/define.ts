import { Z4jError } from "../base/errors.ts";
import type { Engine, EngineActions, EngineCapability } from "./contract.ts";

/** Column width of engines (protocol section 11.4); a dot would cut health keys (section 13). */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/;

const KNOWN: ReadonlySet<string> = new Set<EngineCapability>([
  "submit_task",
  "retry_task",
  "cancel_task",
  "bulk_retry",
  "purge_queue",
  "requeue_dead_letter",
  "list_dead_letters",
  "restart_worker",
  "rate_limit",
  "pool_grow",
  "pool_shrink",
  "add_consumer",
  "cancel_consumer",
  "pause_queue",
  "resume_queue",
  "queue_concurrency",
  "retry_by_reference_v1",
]);

// `reconcile` is not here: it needs no token (protocol section 18.7).
const NEEDED: readonly (readonly [EngineCapability, keyof EngineActions])[] = [
  ["submit_task", "submit"],
  ["retry_task", "retry"],
  ["cancel_task", "cancel"],
  ["purge_queue", "purge"],
  ["list_dead_letters", "listDeadLetters"],
  ["requeue_dead_letter", "requeueDeadLetter"],
  ["rate_limit", "rateLimit"],
  ["pause_queue", "pauseQueue"],
  ["resume_queue", "resumeQueue"],
  ["queue_concurrency", "limitConcurrency"],
  ["pool_grow", "poolGrow"],
  ["pool_shrink", "poolShrink"],
  ["add_consumer", "addConsumer"],
  ["cancel_consumer", "cancelConsumer"],
  ["restart_worker", "restartWorker"],
];

// These are carried out by means of `retry`.
const THROUGH_RETRY: readonly EngineCapability[] = ["bulk_retry", "retry_by_reference_v1"];

/** Everything that is wrong with an engine; empty when it can be used. */
export function engineProblems(engine: Engine): readonly string[] {
  const problems: string[] = [];
  if (typeof engine.name !== "string" || !NAME.test(engine.name)) {
    problems.push("name must be 1 to 40 letters, digits, underscores or hyphens");
  }
  const claimed = new Set<EngineCapability>(engine.capabilities);
  for (const token of claimed) {
    if (!KNOWN.has(token)) problems.push(`capability ${token} is unknown`);
  }
  for (const [token, action] of NEEDED) {
    if (claimed.has(token) !== (typeof engine.actions[action] === "function")) {
      problems.push(`capability ${token} and action ${action} must go together`);
    }
  }
  for (const token of THROUGH_RETRY) {
    if (claimed.has(token) && typeof engine.actions.retry !== "function") {
      problems.push(`capability ${token} needs the action retry`);
    }
  }
  return problems;
}

/**
 * Helps authors of engines: checks the name and that capabilities and actions
 * agree, and gives the engine back with its own type.
 *
 * @throws {Z4jError} `Z4J_ENGINE_INVALID` with `details.problems`.
 *
 * @example An engine that only reports
 * ```ts
 * import { defineEngine } from "@z4j/core/engines";
 *
 * const engine = defineEngine({
 *   name: "homegrown",
 *   capabilities: [],
 *   attach(sink) {
 *     sink.event({
 *       kind: "task.received",
 *       taskId: "1",
 *       occurredAtMs: Date.now(),
 *       data: { taskName: "mail.send" },
 *     });
 *   },
 *   detach() {},
 *   actions: {},
 * });
 * engine.name; // "homegrown"
 * ```
 */
export function defineEngine<E extends Engine>(engine: E): E {
  const problems = engineProblems(engine);
  if (problems.length === 0) return engine;
  throw new Z4jError(
    "Z4J_ENGINE_INVALID",
    `Cannot use the engine "${engine.name}": ${problems.join("; ")}`,
    { details: { problems } },
  );
}
