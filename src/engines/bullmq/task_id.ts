import { finite, member, text } from "./facts.ts";

/** A task id, split into what the queue library knows. */
export interface JobPlace {
  /** Name of the queue. */
  readonly queue: string;
  /** Id of the job inside it. */
  readonly jobId: string;
}

/** `<queue>:<job id>`: ids of BullMQ are counters that start anew in every queue. */
export function taskIdOf(queue: string, jobId: string): string {
  return `${queue}:${jobId}`;
}

/** Splits a task id at its first colon; queue names hold none. */
export function placeOf(taskId: string): JobPlace | undefined {
  const at = taskId.indexOf(":");
  if (at <= 0 || at === taskId.length - 1) return undefined;
  return { queue: taskId.slice(0, at), jobId: taskId.slice(at + 1) };
}

/** The id of a job as text; `undefined` for a job without one. */
export function jobIdOf(job: unknown): string | undefined {
  const id = member(job, "id");
  return text(id) ?? (finite(id) === undefined ? undefined : String(id));
}
