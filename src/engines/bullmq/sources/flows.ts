import { overrideMethod } from "../../../base/override_method.ts";
import type { BullContexts } from "../job_contexts.ts";
import type { BullFlowProducerLike } from "../like.ts";
import { quietly } from "../quietly.ts";

/**
 * Lets the jobs of the flows that a producer adds, or any of a class, carry the
 * context of the request. Their arrivals are read from Redis.
 */
export function watchFlows(
  target: BullFlowProducerLike | object,
  contexts: BullContexts,
): () => void {
  const stops = [
    overrideMethod(
      target,
      "add",
      (call, _self, [flow, ...more]) => call([carried(contexts, flow), ...more]),
    ),
    overrideMethod(target, "addBulk", (call, _self, [flows, ...more]) =>
      call([
        Array.isArray(flows) ? flows.map((flow: unknown) => carried(contexts, flow)) : flows,
        ...more,
      ])),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

// The producer is never disturbed: what cannot be carried goes as it came.
function carried(contexts: BullContexts, flow: unknown): unknown {
  return quietly(() => contexts.carryFlow(flow)) ?? flow;
}
