import { member, text } from "./facts.ts";
import { flowKey, type FlowPlace, flowPrefix, flowQueue, parentPlace } from "./flow.ts";
import type { BullQueueLike } from "./like.ts";

/** Reads where the parent of a job lies; `undefined` when it has none or is gone. */
export type ReadParent = (place: FlowPlace) => Promise<FlowPlace | undefined>;

type Call = (...values: readonly unknown[]) => unknown;

/**
 * Finds a way to read jobs of any queue through an object of the user: the
 * client of BullMQ 5, that of the backend of BullMQ 6, another backend of
 * BullMQ 6, or else the attached queues. All four are documented there.
 */
export function createParentReader(
  owner: unknown,
  queues: readonly BullQueueLike[],
): ReadParent {
  return async (place) => {
    const backend = callable(owner, "getBackend")?.();
    const client = await (member(owner, "client") ?? member(backend, "client"));
    const hget = callable(client, "hget");
    // One small field: the inputs of a parent may have megabytes.
    if (hget !== undefined) return parentField(await hget(flowKey(place), "parent"));
    const read = callable(
      callable(backend, "forQueue")?.(flowQueue(place), flowPrefix(place) || undefined),
      "getJobData",
    );
    if (read !== undefined) return parentPlace(await read(place.jobId));
    const queue = queues.find(({ name }) => name === flowQueue(place));
    if (queue === undefined) throw new Error("no way to read jobs of this queue");
    return parentPlace(await queue.getJob(place.jobId));
  };
}

// BullMQ keeps `{"id":"7","queueKey":"bull:mail"}` in the field `parent` of a child.
function parentField(field: unknown): FlowPlace | undefined {
  const json = text(field);
  return json === undefined ? undefined : parentPlace({ parent: JSON.parse(json) as unknown });
}

function callable(value: unknown, method: string): Call | undefined {
  const found = member(value, method);
  if (typeof found !== "function") return undefined;
  return (...values) => Reflect.apply(found, value, values) as unknown;
}
