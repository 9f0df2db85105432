import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { EventBuffer } from "../buffer/port.ts";
import type { AgentParts } from "./agent_types.ts";
import { stockOf } from "./command_need.ts";
import type { CommandPolicy } from "./command_policy.ts";
import { createCommandRegistry } from "./commands.ts";
import { createRouter, type Router } from "./elsewhere.ts";
import { registerEngineCommands } from "./engine_commands.ts";
import type { Pump } from "./pump.ts";
import { registerScheduleCommands, type WatchedScheduler } from "./schedule_commands.ts";
import type { createScheduleStream } from "./schedule_stream.ts";

/** What the wiring needs of a runtime. */
export interface WiringContext {
  readonly parts: AgentParts;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly buffer: EventBuffer;
  /** Its code, read when there are schedulers. */
  readonly createStream: typeof createScheduleStream | null;
}

// The default of the setting of that name.
const PURGE_THRESHOLD = 1_000;

/** Reads the code of schedule streams, which only who has a scheduler needs; `null` without it. */
export async function loadStreams(
  logger: Logger,
  read: () => Promise<typeof import("./schedule_stream.ts")> = () => import("./schedule_stream.ts"),
): Promise<WiringContext["createStream"]> {
  try {
    return (await read()).createScheduleStream;
  } catch (error) {
    logger.error({ error: errorText(error) }, "schedulers are not watched: their code is missing");
    return null;
  }
}

/** The schedulers with the streams that tell a brain of them. */
export function watchSchedulers(context: WiringContext, pump: Pump): readonly WatchedScheduler[] {
  const { parts, buffer, clock, logger, createStream } = context;
  const { schedulers } = parts;
  if (createStream === null || schedulers === undefined) return [];
  return schedulers.map((scheduler) => ({
    scheduler,
    stream: createStream({
      scheduler,
      publisher: pump,
      meta: parts.state ?? buffer,
      redactor: parts.redactor,
      clock,
      logger,
    }),
  }));
}

/** What this process does when a command asks for it. */
export function buildRegistry(
  { parts, clock }: WiringContext,
  schedulers: readonly WatchedScheduler[],
): ReturnType<typeof createCommandRegistry> {
  const registry = createCommandRegistry();
  const engines = new Map((parts.engines ?? []).map((engine) => [engine.name, engine]));
  registerEngineCommands(registry, {
    engines,
    clock,
    purges: { secret: parts.secret, threshold: parts.purgeThreshold ?? PURGE_THRESHOLD },
    redactor: parts.redactor,
  });
  registerScheduleCommands(
    registry,
    new Map(schedulers.map((watched) => [watched.scheduler.name, watched])),
  );
  parts.commands?.(registry);
  return registry;
}

/** The way to the process that can carry a command out; none without neighbours. */
export function buildRouter(
  { parts, clock }: WiringContext,
  schedulers: readonly WatchedScheduler[],
  policy: CommandPolicy,
): Router | undefined {
  const { announcer } = parts;
  const neighbours = announcer?.neighbours?.bind(announcer);
  if (neighbours === undefined) return undefined;
  const own = stockOf(parts.engines ?? [], schedulers.map(({ scheduler }) => scheduler.name));
  return createRouter({ own, neighbours, policy, clock });
}
