import { createCommandRegistry, type ReceivedCommand } from "../../src/agent/commands.ts";
import { wireResult } from "../../src/agent/command_result.ts";
import { registerEngineCommands } from "../../src/agent/engine_commands.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { JsonObject } from "../../src/base/json.ts";
import type {
  ActionContext,
  Engine,
  EngineActions,
  EngineCapability,
} from "../../src/engines/contract.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";

export const SECRET: Uint8Array = new Uint8Array(32).fill(7);

/** Carries a command out, and spells its outcome for the wire. */
export type Run = (
  action: string,
  parameters: JsonObject,
  remainingMs?: number,
  target?: JsonObject,
) => Promise<ReturnType<typeof wireResult>>;

export function agentOf(actions: EngineActions, capabilities: readonly EngineCapability[]): Run {
  const registry = createCommandRegistry();
  register(registry, [engine("one", actions, capabilities)]);
  return async (action, parameters, remainingMs, target) => {
    const handler = registry.find(action);
    const outcome = await handler?.(received(action, parameters, target), context(remainingMs));
    return wireResult(outcome ?? { status: "refused", reason: "no handler" }, createRedactor({}));
  };
}

export function register(
  registry: ReturnType<typeof createCommandRegistry>,
  engines: readonly Engine[],
): void {
  registerEngineCommands(registry, {
    engines: new Map(engines.map((engine) => [engine.name, engine])),
    clock: systemClock,
    purges: { secret: SECRET, threshold: 10 },
    redactor: createRedactor({}),
  });
}

export function engine(
  name: string,
  actions: EngineActions,
  capabilities: readonly EngineCapability[],
): Engine {
  return { name, capabilities, actions, attach() {}, detach() {} };
}

export function received(
  action: string,
  parameters: JsonObject,
  target: JsonObject = {},
): ReceivedCommand {
  return { id: "c1", action, target, parameters, timeoutMs: 60_000, claimToken: null };
}

export function context(remainingMs = 60_000): ActionContext {
  return { signal: new AbortController().signal, remainingMs };
}
