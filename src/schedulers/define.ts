import { Z4jError } from "../base/errors.ts";
import type { Scheduler, SchedulerActions, SchedulerCapability } from "./contract.ts";

/** Column width of owners and engines (protocol section 20.3), shape of section 4.3. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/;

/** The owner that the brain keeps for itself (protocol section 20.1). */
const RESERVED_OWNER = "z4j-scheduler";

const KNOWN: ReadonlySet<string> = new Set<SchedulerCapability>([
  "list",
  "read",
  "create",
  "update",
  "delete",
  "enable",
  "disable",
  "trigger_now",
]);

const NEEDED: readonly (readonly [SchedulerCapability, keyof SchedulerActions])[] = [
  ["create", "create"],
  ["update", "update"],
  ["delete", "delete"],
  ["enable", "enable"],
  ["disable", "disable"],
  ["trigger_now", "trigger"],
];

/** Everything that is wrong with a scheduler; empty when it can be used. */
export function schedulerProblems(scheduler: Scheduler): readonly string[] {
  const problems: string[] = [];
  if (!NAME.test(scheduler.name)) {
    problems.push("name must be 1 to 40 letters, digits, underscores or hyphens");
  }
  if (scheduler.name === RESERVED_OWNER) problems.push(`name ${RESERVED_OWNER} is reserved`);
  if (scheduler.engine !== undefined && !NAME.test(scheduler.engine)) {
    problems.push("engine must be 1 to 40 letters, digits, underscores or hyphens");
  }
  for (const token of scheduler.capabilities) {
    if (!KNOWN.has(token)) problems.push(`capability ${token} is unknown`);
  }
  for (const [token, action] of NEEDED) {
    const claimed = scheduler.capabilities.includes(token);
    if (claimed !== (typeof scheduler.actions[action] === "function")) {
      problems.push(`capability ${token} and action ${action} must go together`);
    }
  }
  return problems;
}

/**
 * Helps authors of schedulers: checks names, capabilities and actions, and gives
 * the scheduler back with its own type.
 *
 * @throws {Z4jError} `Z4J_SCHEDULER_INVALID` with `details.problems`.
 *
 * @example A scheduler with one schedule
 * ```ts
 * import { defineScheduler } from "@z4j/core/schedulers";
 *
 * const scheduler = defineScheduler({
 *   name: "nightly",
 *   capabilities: ["list", "read"],
 *   attach() {},
 *   detach() {},
 *   list: () => [{
 *     key: "report",
 *     name: "report",
 *     taskName: "report",
 *     kind: "cron",
 *     expression: "0 3 * * *",
 *     isEnabled: true,
 *   }],
 *   actions: {},
 * });
 * scheduler.name; // "nightly"
 * ```
 */
export function defineScheduler<S extends Scheduler>(scheduler: S): S {
  const problems = schedulerProblems(scheduler);
  if (problems.length === 0) return scheduler;
  throw new Z4jError(
    "Z4J_SCHEDULER_INVALID",
    `Cannot use the scheduler "${scheduler.name}": ${problems.join("; ")}`,
    { details: { problems } },
  );
}
