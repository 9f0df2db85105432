import type { Clock } from "../base/clock.ts";
import type { Engine, EngineCapability } from "../engines/contract.ts";
import { bulkRetry } from "./bulk_retry.ts";
import { type EngineRun, refuse } from "./command_inputs.ts";
import { type CommandHandler, type CommandRegistry, textMember } from "./commands.ts";
import { chooseEngine } from "./engine_choice.ts";
import {
  limitConcurrency,
  listDeadLetters,
  pauseOrResume,
  purge,
  type PurgeRules,
  rateLimit,
} from "./queue_commands.ts";
import type { RedactorLike } from "./recorder.ts";
import { cancel, fire, reconcile, requeueDeadLetter, retry, submit } from "./task_commands.ts";
import { changeConsumer, resizePool, restartWorker } from "./worker_commands.ts";

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

/** Registers the actions on jobs, queues and workers (protocol section 18). */
export function registerEngineCommands(
  registry: CommandRegistry,
  parts: EngineCommandParts,
): void {
  const { engines, clock, purges, redactor } = parts;
  const on = (action: string, run: EngineRun, token?: EngineCapability): void =>
    registry.register(action, onEngine(engines, run, token));
  on("submit_task", (engine, command, context) => {
    const name = textMember(command.parameters, "name") ?? textMember(command.target, "name");
    return submit(engine, { command, name, key: command.id, context, clock });
  });
  on("schedule.fire", (engine, command, context) => {
    const name = textMember(command.parameters, "task_name");
    const key = textMember(command.parameters, "fire_id") ?? command.id;
    return fire(() => submit(engine, { command, name, key, context, clock }), context, clock);
  });
  on("retry_task", (engine, command, context) => retry(engine, command, context, clock));
  on("bulk_retry", (engine, command, context) => bulkRetry(engine, command, context, clock));
  on("cancel_task", cancel);
  on("requeue_dead_letter", requeueDeadLetter);
  on(
    "dlq.list",
    (engine, command, context) => listDeadLetters(engine, command, context, redactor),
  );
  on(
    "purge_queue",
    (engine, command, context) => purge(engine, command, context, purges),
    "purge_queue",
  );
  on("rate_limit", rateLimit, "rate_limit");
  for (const action of ["pause_queue", "resume_queue"] as const) on(action, pauseOrResume, action);
  on("queue_concurrency", limitConcurrency, "queue_concurrency");
  for (const action of ["pool_grow", "pool_shrink"] as const) on(action, resizePool, action);
  for (const action of ["add_consumer", "cancel_consumer"] as const) {
    on(action, changeConsumer, action);
  }
  on("restart_worker", restartWorker, "restart_worker");
  registry.register("reconcile_task", (command, context) => reconcile(engines, command, context));
}

function onEngine(
  engines: ReadonlyMap<string, Engine>,
  run: EngineRun,
  token: EngineCapability | undefined,
): CommandHandler {
  return (command, context) => {
    const choice = chooseEngine(command, engines, token);
    return choice.ok ? run(choice.engine, command, context) : refuse(choice.reason);
  };
}
