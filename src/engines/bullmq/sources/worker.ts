import type { Clock } from "../../../base/clock.ts";
import type { WorkerEventKind, WorkerReport } from "../../contract.ts";
import type { Ancestors } from "../ancestors.ts";
import { finite, member } from "../facts.ts";
import type { BullJobLike, BullWorkerEvent, BullWorkerLike } from "../like.ts";
import { WORKER_HEARTBEAT_MS } from "../limits.ts";
import { failureEvents, startedEvents, succeededEvents } from "../mapping.ts";
import { quietly } from "../quietly.ts";
import type { Reporter } from "../reporter.ts";
import { taskIdOf } from "../task_id.ts";
import { createLetGo } from "./let_go.ts";

/** A worker of this process under watch. */
export interface WatchedWorker {
  /** Its name on the wire. */
  readonly name: string;
  /** The user's object. */
  readonly worker: BullWorkerLike;
  /** The job of an id, while it runs here. */
  job(jobId: string): BullJobLike | undefined;
  /** Fails a job whose processor takes no signal; what it still does is discarded. */
  letGo(jobId: string, reason: string): boolean;
  /** How it looks now; also announces that it is alive, if that is due. */
  health(): WorkerReport;
  /** How often its connection broke: answers that were lost say nothing of their jobs. */
  breaks(): number;
  /** Removes every listener. */
  stop(): void;
}

/** What `watchWorker` needs. */
export interface WatchWorkerOptions {
  readonly worker: BullWorkerLike;
  /** Its name on the wire. */
  readonly name: string;
  readonly reporter: Reporter;
  /** Roots of the flows that its jobs belong to. */
  readonly ancestors: Ancestors;
  readonly clock: Clock;
  /** Process id for its page. */
  readonly pid?: number | undefined;
  /** Told about every job whose attempt ended. */
  readonly ended?: ((job: unknown) => void) | undefined;
}

interface Emitter {
  on(event: BullWorkerEvent, listener: Listener): unknown;
  off(event: BullWorkerEvent, listener: Listener): unknown;
}

type Listener = (...values: readonly unknown[]) => void;

/**
 * Listens to a worker of this process, the authority for what its attempts
 * did. Adds no `error` listener: that would silence the library's own output.
 */
export function watchWorker(options: WatchWorkerOptions): WatchedWorker {
  const { worker } = options;
  const running = createRunning(() => concurrencyOf(worker) ?? 1);
  const presence = createPresence(options);
  let breaks = 0;
  const listeners: Readonly<Record<BullWorkerEvent, Listener>> = {
    ...jobListeners(options, running),
    // BullMQ may say `ready` after a close that came at once.
    ready: () => isClosing(worker) ? undefined : presence.online(),
    closing: () => presence.offline(),
    closed: () => presence.offline(),
    "ioredis:close": () => void breaks++,
  };
  const entries = (Object.keys(listeners) as BullWorkerEvent[]).map((event) => ({
    event,
    listener: (...values: readonly unknown[]): void => quietly(() => listeners[event](...values)),
  }));
  const emitter: Emitter = worker as unknown as Emitter;
  for (const { event, listener } of entries) emitter.on(event, listener);
  if (!isClosing(worker)) presence.online();
  const unfollow = options.reporter.contexts.follow(worker, worker.name);
  const letting = createLetGo(worker);
  return {
    name: options.name,
    worker,
    job: (jobId) => running.job(taskIdOf(worker.name, jobId)),
    letGo: (jobId, reason) => letting.letGo(jobId, reason),
    breaks: () => breaks,
    health() {
      presence.beat();
      return {
        name: options.name,
        pid: options.pid,
        concurrency: concurrencyOf(worker),
        active: running.ids(),
        queues: [worker.name],
      };
    },
    stop() {
      quietly(letting.stop);
      unfollow();
      for (const { event, listener } of entries) quietly(() => emitter.off(event, listener));
    },
  };
}

function jobListeners(
  { worker, name, reporter, ancestors, ended }: WatchWorkerOptions,
  running: Running,
): Readonly<Record<"active" | "completed" | "failed", Listener>> {
  const queue = worker.name;
  const known = (job: unknown, what: string): job is BullJobLike => {
    const id = member(job, "id");
    const ok = id !== undefined && id !== null && id !== "";
    if (!ok) reporter.lost(`a job ${what} without an id`);
    return ok;
  };
  return {
    active(job) {
      if (!known(job, "began")) return;
      running.add(taskIdOf(queue, String(job.id)), job);
      // A brain takes inputs from `received` only, and only before `started`.
      reporter.arrival(job, queue, ancestors);
      reporter.report(() => startedEvents(job, reporter.sight(queue, name)));
    },
    completed(job, result) {
      if (!known(job, "completed")) return;
      running.delete(taskIdOf(queue, String(job.id)));
      reporter.report(() => succeededEvents(job, result, reporter.sight(queue, name)));
      ended?.(job);
    },
    failed(job, error) {
      if (!known(job, "failed")) return;
      running.delete(taskIdOf(queue, String(job.id)));
      reporter.report(() => failureEvents(job, error, reporter.sight(queue, name)));
      ended?.(job);
    },
  };
}

interface Running {
  add(taskId: string, job: BullJobLike): void;
  job(taskId: string): BullJobLike | undefined;
  delete(taskId: string): void;
  ids(): readonly string[];
}

// A job that is moved away by its own processor ends without an event; newer
// ones push it out, because no worker runs more than its concurrency.
function createRunning(limit: () => number): Running {
  const jobs = new Map<string, BullJobLike>();
  return {
    add(taskId, job) {
      jobs.set(taskId, job);
      if (jobs.size <= limit()) return;
      for (const oldest of jobs.keys()) {
        jobs.delete(oldest);
        if (jobs.size <= limit()) return;
      }
    },
    job: (taskId) => jobs.get(taskId),
    delete: (taskId) => void jobs.delete(taskId),
    ids: () => [...jobs.keys()],
  };
}

interface Presence {
  online(): void;
  beat(): void;
  offline(): void;
}

// Worker events are the evidence that a worker may be steered (protocol section 13).
function createPresence({ worker, name, reporter, clock, pid }: WatchWorkerOptions): Presence {
  let isOnline = false;
  let lastMs = 0;
  const tell = (kind: WorkerEventKind): void => {
    const facts = { pid, queue: worker.name, concurrency: concurrencyOf(worker) };
    lastMs = clock.monotonic();
    reporter.report(() => [{ kind, worker: name, occurredAtMs: clock.now(), extra: facts }]);
  };
  return {
    online() {
      if (!isOnline) tell("worker.online");
      isOnline = true;
    },
    beat() {
      if (isOnline && clock.monotonic() - lastMs >= WORKER_HEARTBEAT_MS) tell("worker.heartbeat");
    },
    offline() {
      if (isOnline) tell("worker.offline");
      isOnline = false;
    },
  };
}

function concurrencyOf(worker: BullWorkerLike): number | undefined {
  return finite(member(worker, "concurrency")) ??
    finite(member(member(worker, "opts"), "concurrency"));
}

/** Whether a worker closes or is closed; a promise in BullMQ, a flag in bunqueue. */
export function isClosing(worker: BullWorkerLike): boolean {
  return [member(worker, "closing"), member(worker, "closed")].some((mark) =>
    mark !== undefined && mark !== null && mark !== false && typeof mark !== "function"
  );
}
