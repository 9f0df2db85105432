/** Events of jobs as an engine reports them, and their texts as the buffer keeps them. */
import { createRecorder, type Recorder, type RecorderParts } from "../../src/agent/recorder.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { NewEntry } from "../../src/buffer/port.ts";
import type { TaskEvent, TaskEventData, TaskEventKind } from "../../src/engines/contract.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";

const STACK = new Error("the mail server answered 421").stack ?? "";
const TASKS = ["send_mail", "resize_image", "sync_customer", "bill_order"] as const;
const QUEUES = ["mail", "media", "default"] as const;

/** Jobs that are received, started and succeed: three events each. */
export function plainJobs(count: number): TaskEvent[] {
  return Array.from({ length: count }, (_, job) => plainJob(job)).flat();
}

/** Of 20 jobs one fails with its stack and two succeed after a retry. */
export function mixedJobs(count: number): TaskEvent[] {
  return Array.from({ length: count }, (_, job) => {
    if (job % 20 === 7) return failingJob(job);
    return job % 10 === 3 ? retriedJob(job) : plainJob(job);
  }).flat();
}

function plainJob(job: number): TaskEvent[] {
  const at = reporter(job);
  return [
    at("task.received", { args: [`customer-${job}`, job % 97], kwargs: { dry_run: false } }),
    at("task.started", { attempt: 1, maxAttempts: 3, retryCount: 0 }),
    at("task.succeeded", { result: { sent: 1, bytes: 2048 + job % 512 }, runtimeMs: 12.5 }),
  ];
}

function failingJob(job: number): TaskEvent[] {
  const at = reporter(job);
  return [
    at("task.received", { args: [`customer-${job}`], priority: "high" }),
    at("task.started", { attempt: 1, maxAttempts: 1 }),
    at("task.failed", { exception: "Error: the mail server answered 421", traceback: STACK }),
  ];
}

function retriedJob(job: number): TaskEvent[] {
  const at = reporter(job);
  const [received, started, succeeded] = plainJob(job);
  const retried = at("task.retried", { exception: "TimeoutError: 5 s", retryCount: 1 });
  const again = at("task.started", { attempt: 2, maxAttempts: 3, retryCount: 1 });
  return [received, started, retried, again, succeeded].filter((event) => event !== undefined);
}

function reporter(job: number): (kind: TaskEventKind, data: TaskEventData) => TaskEvent {
  const run = crypto.randomUUID();
  const common = {
    taskName: TASKS[job % TASKS.length],
    queue: QUEUES[job % QUEUES.length],
    worker: `worker-${job % 4}`,
  };
  return (kind, data) => ({
    kind,
    taskId: `${common.queue}:${run}`,
    occurredAtMs: Date.now(),
    data: { ...common, ...data },
  });
}

/** The recorder as the agent makes it; an event that it gives up is a failure. */
export function openRecorder(buffer: RecorderParts["buffer"]): Recorder {
  return createRecorder({
    buffer,
    redactor: createRedactor(),
    clock: systemClock,
    facts: { environment: "production", tags: { region: "eu" } },
    lost: (kind, reason) => {
      throw new Error(`Cannot record ${kind}: ${reason}`);
    },
    recorded() {},
    notices: { warn() {} },
  });
}

/** What the buffer would keep of these events; each call gives them new ids. */
export function storedEntries(events: readonly TaskEvent[]): NewEntry[] {
  const entries: NewEntry[] = [];
  const recorder = openRecorder({ push: (entry) => void entries.push(entry) });
  for (const event of events) recorder.event("bullmq", event);
  return entries;
}

/** Bytes of an entry on average. */
export function meanBytes(entries: readonly NewEntry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0) / entries.length;
}
