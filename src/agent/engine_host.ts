import type { EventBuffer } from "../buffer/port.ts";
import type { EngineHost } from "../engines/contract.ts";
import type { AgentParts } from "./agent_types.ts";
import { NO_POLICY } from "./command_policy.ts";

/** What an engine gets besides its sink: state beside the buffer, and certainty. */
export function engineHost(
  { parts, buffer }: {
    readonly parts: Pick<AgentParts, "state" | "singletonKey" | "restart" | "policy">;
    readonly buffer: Pick<EventBuffer, "getMeta" | "setMeta" | "settled">;
  },
  engine: string,
): EngineHost {
  const meta = parts.state ?? buffer;
  const keyOf = (key: string): string => `engine.${engine}.${key}`;
  return {
    // The first part of the key of the process is its project.
    scope: parts.singletonKey?.split("/")[0] || "default",
    state: {
      get: async (key) => await meta.getMeta(keyOf(key)),
      set: async (key, value) => await meta.setMeta(keyOf(key), value),
    },
    stored: () => buffer.settled(),
    forbidden: (action, parameters) =>
      (parts.policy ?? NO_POLICY).refusal({
        id: "",
        action,
        target: { engine },
        parameters: { ...parameters, engine },
        timeoutMs: 0,
        claimToken: null,
      }),
    restart: parts.restart,
  };
}
