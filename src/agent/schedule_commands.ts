import type { ActionContext, ActionOutcome } from "../engines/contract.ts";
import type { Scheduler } from "../schedulers/contract.ts";
import {
  type CommandHandler,
  type CommandRegistry,
  type ReceivedCommand,
  textMember,
} from "./commands.ts";
import type { ScheduleCommandOutcome, ScheduleStream } from "./schedule_stream_port.ts";

/** A scheduler with its stream. */
export interface WatchedScheduler {
  /** The user's scheduler. */
  readonly scheduler: Scheduler;
  /** Its sequenced stream. */
  readonly stream: ScheduleStream;
}

/** Registers the actions on schedules (protocol sections 18.9 and 20). */
export function registerScheduleCommands(
  registry: CommandRegistry,
  schedulers: ReadonlyMap<string, WatchedScheduler>,
): void {
  const onScheduler = (run: SchedulerRun): CommandHandler => (command, context) => {
    const watched = choose(command, schedulers);
    if (watched !== null) return run(watched, command, context);
    return refuse(`scheduler "${schedulerNameOf(command) ?? ""}" is not watched by this agent`);
  };
  const onStream = (name: "activate" | "control" | "mutate"): CommandHandler =>
    onScheduler(async ({ stream }, command, context) =>
      toOutcome(await stream[name](command.parameters, context))
    );
  registry.register("schedule.resync", () => resync(schedulers));
  registry.register("schedule.external.activate", onStream("activate"));
  registry.register("schedule.external.control", onStream("control"));
  registry.register("schedule.external.mutate", onStream("mutate"));
  registry.register("schedule.trigger_now", onScheduler(action("trigger")));
  registry.register("schedule.enable", onScheduler(action("enable")));
  registry.register("schedule.disable", onScheduler(action("disable")));
}

type SchedulerRun = (
  watched: WatchedScheduler,
  command: ReceivedCommand,
  context: ActionContext,
) => Promise<ActionOutcome>;

async function resync(
  schedulers: ReadonlyMap<string, WatchedScheduler>,
): Promise<ActionOutcome> {
  let drained = 0;
  for (const { stream } of schedulers.values()) {
    await stream.resync("resync");
    drained++;
  }
  return { status: "done", result: { schedulers_drained: drained } };
}

function action(name: "trigger" | "enable" | "disable"): SchedulerRun {
  return ({ scheduler }, { parameters }, context) => {
    const key = textMember(parameters, "external_id") ?? textMember(parameters, "schedule_id");
    if (key === null) return refuse("the command names no schedule");
    const run = scheduler.actions[name];
    if (run === undefined) return refuse(`scheduler "${scheduler.name}" cannot ${name}`);
    return run.call(scheduler.actions, key, context);
  };
}

function choose(
  command: ReceivedCommand,
  schedulers: ReadonlyMap<string, WatchedScheduler>,
): WatchedScheduler | null {
  const name = schedulerNameOf(command);
  if (name !== null) return schedulers.get(name) ?? null;
  const [only, ...others] = schedulers.values();
  return only !== undefined && others.length === 0 ? only : null;
}

/** The scheduler that a command names, or `null`. */
export function schedulerNameOf({ parameters, target }: ReceivedCommand): string | null {
  return textMember(parameters, "scheduler") ?? textMember(target, "scheduler") ??
    textMember(parameters, "owner");
}

function toOutcome(outcome: ScheduleCommandOutcome): ActionOutcome {
  if (outcome.status === "success") return { status: "done", result: outcome.result };
  return outcome.indeterminate
    ? { status: "indeterminate", reason: outcome.error }
    : { status: "failed", error: outcome.error };
}

function refuse(reason: string): Promise<ActionOutcome> {
  return Promise.resolve({ status: "refused", reason });
}
