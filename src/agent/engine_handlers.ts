import type { Engine, EngineCapability } from "../engines/contract.ts";
import { bulkRetry } from "./bulk_retry.ts";
import { type EngineRun, refuse } from "./command_inputs.ts";
import { type CommandHandler, textMember } from "./commands.ts";
import { chooseEngine } from "./engine_choice.ts";
import type { EngineAction, EngineCommandParts } from "./engine_commands.ts";
import {
  limitConcurrency,
  listDeadLetters,
  pauseOrResume,
  purge,
  rateLimit,
} from "./queue_commands.ts";
import { cancel, fire, reconcile, requeueDeadLetter, retry, submit } from "./task_commands.ts";
import { changeConsumer, resizePool, restartWorker } from "./worker_commands.ts";

/** The handlers of the actions on jobs, queues and workers (protocol section 18). */
export function engineHandlers(
  { engines, clock, purges, redactor }: EngineCommandParts,
): Readonly<Record<EngineAction, CommandHandler>> {
  const on = (run: EngineRun, token?: EngineCapability): CommandHandler =>
    onEngine(engines, run, token);
  return {
    submit_task: on((engine, command, context) => {
      const name = textMember(command.parameters, "name") ?? textMember(command.target, "name");
      return submit(engine, { command, name, key: command.id, context, clock });
    }),
    "schedule.fire": on((engine, command, context) => {
      const name = textMember(command.parameters, "task_name");
      const key = textMember(command.parameters, "fire_id") ?? command.id;
      return fire(() => submit(engine, { command, name, key, context, clock }), context, clock);
    }),
    retry_task: on((engine, command, context) => retry(engine, command, context, clock)),
    bulk_retry: on((engine, command, context) => bulkRetry(engine, command, context, clock)),
    cancel_task: on(cancel),
    requeue_dead_letter: on(requeueDeadLetter),
    "dlq.list": on((engine, command, context) =>
      listDeadLetters(engine, command, context, redactor)
    ),
    purge_queue: on(
      (engine, command, context) => purge(engine, command, context, purges),
      "purge_queue",
    ),
    rate_limit: on(rateLimit, "rate_limit"),
    pause_queue: on(pauseOrResume, "pause_queue"),
    resume_queue: on(pauseOrResume, "resume_queue"),
    queue_concurrency: on(limitConcurrency, "queue_concurrency"),
    pool_grow: on(resizePool, "pool_grow"),
    pool_shrink: on(resizePool, "pool_shrink"),
    add_consumer: on(changeConsumer, "add_consumer"),
    cancel_consumer: on(changeConsumer, "cancel_consumer"),
    restart_worker: on(restartWorker, "restart_worker"),
    reconcile_task: (command, context) => reconcile(engines, command, context),
  };
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
