import { member, text } from "./facts.ts";
import { jobIdOf, placeOf, taskIdOf } from "./task_id.ts";

/** A job of a flow, as other jobs refer to it. */
export interface FlowPlace {
  /** Name of its queue with everything that a store puts before it, for example `bull:mail`. */
  readonly queueKey: string;
  /** Its id inside the queue. */
  readonly jobId: string;
}

/** Where the parent of a job lies, if it has one. */
export function parentPlace(job: unknown): FlowPlace | undefined {
  const parent = member(job, "parent");
  const queueKey = text(member(parent, "queueKey")) ?? text(member(parent, "queueQualifiedName"));
  const jobId = jobIdOf(parent);
  if (queueKey !== undefined && jobId !== undefined) return { queueKey, jobId };
  return fromParentKey(text(member(job, "parentKey")), text(member(job, "prefix")) ?? "bull");
}

/** Name of the queue of a place; a prefix may hold colons, the name of a queue may not. */
export function flowQueue(place: FlowPlace): string {
  return place.queueKey.slice(place.queueKey.lastIndexOf(":") + 1);
}

/** What stands before the name of the queue; empty where a store has no prefixes. */
export function flowPrefix(place: FlowPlace): string {
  return place.queueKey.slice(0, Math.max(0, place.queueKey.lastIndexOf(":")));
}

/** Task id of a place. */
export function flowTaskId(place: FlowPlace): string {
  return taskIdOf(flowQueue(place), place.jobId);
}

/** The key under which BullMQ keeps a job in Redis. */
export function flowKey(place: FlowPlace): string {
  return `${place.queueKey}:${place.jobId}`;
}

function fromParentKey(key: string | undefined, prefix: string): FlowPlace | undefined {
  if (key === undefined || !key.startsWith(`${prefix}:`)) return undefined;
  const place = placeOf(key.slice(prefix.length + 1));
  return place && { queueKey: `${prefix}:${place.queue}`, jobId: place.jobId };
}
