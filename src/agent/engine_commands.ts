import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Engine } from "../engines/contract.ts";
import type { CommandHandler, CommandRegistry } from "./commands.ts";
import type { PurgeRules } from "./queue_commands.ts";
import type { RedactorLike } from "./recorder.ts";

/** What engine commands need. */
export interface EngineCommandParts {
  /** Engines by name. */
  readonly engines: ReadonlyMap<string, Engine>;
  /** Time source. */
  readonly clock: Clock;
  /** What purges are checked against. */
  readonly purges: PurgeRules;
  /** Removes what is sensitive from excerpts. */
  readonly redactor: RedactorLike;
}

const ENGINE_ACTIONS = [
  "submit_task",
  "schedule.fire",
  "retry_task",
  "bulk_retry",
  "cancel_task",
  "requeue_dead_letter",
  "dlq.list",
  "purge_queue",
  "rate_limit",
  "pause_queue",
  "resume_queue",
  "queue_concurrency",
  "pool_grow",
  "pool_shrink",
  "add_consumer",
  "cancel_consumer",
  "restart_worker",
  "reconcile_task",
] as const;

/** An action on jobs, queues and workers. */
export type EngineAction = typeof ENGINE_ACTIONS[number];

/**
 * Reads the code of the actions. Asked when a session opens: a deployment may
 * replace the files of a process that runs on, and a command shall not meet that.
 */
export function loadEngineHandlers(): Promise<typeof import("./engine_handlers.ts")> {
  return import("./engine_handlers.ts");
}

/**
 * Registers the actions on jobs, queues and workers (protocol section 18);
 * their code is not there before the first session.
 */
export function registerEngineCommands(
  registry: CommandRegistry,
  parts: EngineCommandParts,
  load: typeof loadEngineHandlers = loadEngineHandlers,
): void {
  let handlers: Readonly<Record<EngineAction, CommandHandler>> | undefined;
  for (const action of ENGINE_ACTIONS) {
    registry.register(action, async (command, context) => {
      try {
        handlers ??= (await load()).engineHandlers(parts);
      } catch (error) {
        // Nothing was touched, so it must not look like an open end.
        const reason = `the code of commands cannot be read: ${errorText(error)}`;
        return { status: "refused", reason };
      }
      if (context.signal.aborted) return { status: "refused", reason: "the agent stops" };
      return await handlers[action](command, context);
    });
  }
}
