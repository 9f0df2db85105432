import type { EventBuffer } from "../buffer/port.ts";
import type { EngineHost } from "../engines/contract.ts";
import type { AgentParts } from "./agent_types.ts";

/** What an engine gets besides its sink: state beside the buffer, and certainty. */
export function engineHost(
  { parts, buffer }: {
    readonly parts: Pick<AgentParts, "state" | "singletonKey" | "restart">;
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
    restart: parts.restart,
  };
}
