import type { EventBuffer } from "../buffer/port.ts";
import type { EngineHost, OrderSubject } from "../engines/contract.ts";
import type { AgentParts } from "./agent_types.ts";
import type { ReceivedCommand } from "./commands.ts";

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
    restart: parts.restart,
    refusal: (action, about) => parts.policy?.refusal(orderOf(action, engine, about)) ?? null,
  };
}

function orderOf(
  action: string,
  engine: string,
  { taskId, queue, worker }: OrderSubject,
): ReceivedCommand {
  const parameters = {
    engine,
    ...(taskId === undefined ? {} : { task_id: taskId }),
    ...(queue === undefined ? {} : { queue }),
    ...(worker === undefined ? {} : { worker_name: worker }),
  };
  return { id: "", action, target: {}, parameters, timeoutMs: 0, claimToken: null };
}
