import type { Clock } from "../base/clock.ts";
import type { LogFacts, Logger } from "../base/logger.ts";
import type { MaybePromise } from "../base/maybe_promise.ts";
import type { Engine, EngineHost, EngineSink } from "../engines/contract.ts";
import type { SchedulerSink } from "../schedulers/contract.ts";
import { guardCall, type OnceLogger } from "./guard.ts";
import { HOOK_DEADLINE_MS } from "./limits.ts";
import type { Recorder } from "./recorder.ts";
import type { WatchedScheduler } from "./schedule_commands.ts";
import type { WorkTracker } from "./work_contexts.ts";

/** What hooks are made of. */
export interface HookParts {
  /** Engines to watch. */
  readonly engines: readonly Engine[];
  /** Schedulers to watch. */
  readonly schedulers: readonly WatchedScheduler[];
  /** Takes their events. */
  readonly recorder: Recorder;
  /** What the engines may keep and ask for. */
  readonly host: (engine: string) => EngineHost;
  /** Counts what they could not report. */
  readonly lost: (source: string, count: number, reason: string) => void;
  /** Time source. */
  readonly clock: Clock;
  /** Where failures are told. */
  readonly logger: Logger;
  /** Where notices of the engines are told once. */
  readonly notices: OnceLogger;
  /** Carries the context of requests into jobs. */
  readonly work: WorkTracker;
}

/** The hooks of all engines and schedulers. */
export interface Hooks {
  /** Attaches all, side by side; one that fails is told and left out. */
  attach(): Promise<void>;
  /** Detaches all that were attached. */
  detach(): Promise<void>;
  /** Names of those that are attached. */
  attached(): { readonly engines: readonly string[]; readonly schedulers: readonly string[] };
}

/** Creates hooks that are not attached yet. */
export function createHooks(parts: HookParts): Hooks {
  const engines = new Map<string, () => MaybePromise<void>>();
  const schedulers = new Map<string, () => MaybePromise<void>>();
  const call = async (
    name: string,
    what: "attach" | "detach",
    run: () => MaybePromise<void>,
  ): Promise<void> => {
    const outcome = await guardCall(parts.clock, HOOK_DEADLINE_MS, run);
    if (!outcome.ok) parts.logger.error({ name, error: outcome.error }, `cannot ${what} a hook`);
  };
  const attachEngine = async (engine: Engine): Promise<void> => {
    // Noted first: what attached too slowly has to be detached as well.
    engines.set(engine.name, () => engine.detach());
    const host = parts.host(engine.name);
    await call(engine.name, "attach", () => engine.attach(engineSink(engine, parts), host));
  };
  const attachScheduler = async (watched: WatchedScheduler): Promise<void> => {
    const { scheduler } = watched;
    schedulers.set(scheduler.name, () => scheduler.detach());
    await call(
      scheduler.name,
      "attach",
      () => scheduler.attach(schedulerSink(watched, parts)),
    );
  };
  return {
    async attach() {
      await Promise.all([
        ...parts.engines.map(attachEngine),
        ...parts.schedulers.map(attachScheduler),
      ]);
    },
    async detach() {
      const all = [...schedulers, ...engines];
      schedulers.clear();
      engines.clear();
      await Promise.all(all.map(([name, detach]) => call(name, "detach", detach)));
    },
    attached: () => ({ engines: [...engines.keys()], schedulers: [...schedulers.keys()] }),
  };
}

function engineSink(engine: Engine, parts: HookParts): EngineSink {
  return {
    event(event) {
      if (event?.kind === "task.sent") parts.work.asked(event.taskId);
      parts.recorder.event(engine.name, event);
    },
    work: parts.work,
    lost: (count, reason) => parts.lost(engine.name, count, reason),
    notice: (facts, message) => notice(parts, engine.name, facts, message),
  };
}

function schedulerSink({ scheduler, stream }: WatchedScheduler, parts: HookParts): SchedulerSink {
  return {
    run(run) {
      parts.recorder.run(scheduler.name, run);
      if (run.phase === "completed") stream.changed();
    },
    changed: () => stream.changed(),
    notice: (facts, message) => notice(parts, scheduler.name, facts, message),
  };
}

function notice(parts: HookParts, name: string, facts: LogFacts, message: string): void {
  parts.notices.warn(`${name} ${message}`, { name, ...facts }, message);
}
