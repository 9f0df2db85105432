import type { Engine, EngineCapability } from "../engines/contract.ts";
import type { ReceivedCommand } from "./commands.ts";
import { engineNameOf } from "./engine_choice.ts";
import type { EngineAction } from "./engine_commands.ts";
import type { Announcement } from "./hello.ts";
import { schedulerNameOf } from "./schedule_commands.ts";

/** What a process must have to carry out a command. */
export interface CommandNeed {
  /** Where to look. */
  readonly kind: "engines" | "schedulers";
  /** The engine or scheduler, `null` for any. */
  readonly name: string | null;
  /** What the engine should be able to do, `null` for nothing special. */
  readonly token: EngineCapability | null;
  /** Whether a neighbour may carry it out: a stream of schedules belongs to its session. */
  readonly isPortable: boolean;
}

/** How much of a need somebody has: `part` is the engine, but not the ability. */
export type Fit = "full" | "part" | "none";

// The abilities behind the actions on engines; `null` where any engine will do.
const ENGINE_TOKENS: Readonly<Record<EngineAction, EngineCapability | null>> = {
  submit_task: "submit_task",
  "schedule.fire": "submit_task",
  retry_task: "retry_task",
  bulk_retry: "bulk_retry",
  cancel_task: "cancel_task",
  requeue_dead_letter: "requeue_dead_letter",
  "dlq.list": "list_dead_letters",
  purge_queue: "purge_queue",
  rate_limit: "rate_limit",
  pause_queue: "pause_queue",
  resume_queue: "resume_queue",
  queue_concurrency: "queue_concurrency",
  pool_grow: "pool_grow",
  pool_shrink: "pool_shrink",
  add_consumer: "add_consumer",
  cancel_consumer: "cancel_consumer",
  restart_worker: "restart_worker",
  reconcile_task: null,
};

const TOKENS: ReadonlyMap<string, EngineCapability | null> = new Map(Object.entries(ENGINE_TOKENS));

// Whether a neighbour may carry out what a scheduler is asked for.
const SCHEDULER_ACTIONS: ReadonlyMap<string, boolean> = new Map([
  ["schedule.trigger_now", true],
  ["schedule.enable", true],
  ["schedule.disable", true],
  ["schedule.external.activate", false],
  ["schedule.external.control", false],
  ["schedule.external.mutate", false],
]);

/** What a command needs; `null` when any process answers it alike. */
export function needOf(command: ReceivedCommand): CommandNeed | null {
  const { action } = command;
  const isPortable = SCHEDULER_ACTIONS.get(action);
  if (isPortable !== undefined) {
    return { kind: "schedulers", name: schedulerNameOf(command), token: null, isPortable };
  }
  const token = TOKENS.get(action);
  if (token === undefined) return null;
  const name = engineNameOf(command);
  return name.ok ? { kind: "engines", name: name.name, token, isPortable: true } : null;
}

/** How well what a process has fits a need. */
export function fitOf({ kind, name, token }: CommandNeed, has: Announcement): Fit {
  const named = name === null ? has[kind] : has[kind].filter((one) => one === name);
  if (named.length === 0) return "none";
  const isAble = token === null ||
    named.some((one) => has.capabilities[one]?.includes(token) === true);
  return isAble ? "full" : "part";
}

/** What the process itself has, whatever its policy says. */
export function stockOf(
  engines: readonly Engine[],
  schedulers: readonly string[],
): Announcement {
  return {
    engines: engines.map(({ name }) => name),
    schedulers,
    capabilities: Object.fromEntries(
      engines.map(({ name, capabilities }) => [name, capabilities]),
    ),
  };
}
