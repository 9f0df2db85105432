import type { Clock } from "../../base/clock.ts";
import { errorText } from "../../base/errors.ts";
import { randomHex } from "../../base/ids.ts";
import type { EngineEvent, EngineHost, EngineSink, WorkerReport } from "../contract.ts";
import { type Ancestors, createAncestors } from "./ancestors.ts";
import { createParentReader } from "./flow_reader.ts";
import type { BullFlowProducerLike, BullJobLike, BullQueueLike, BullWorkerLike } from "./like.ts";
import type { JobObserver } from "./lint/observer.ts";
import type { LintedWorker } from "./lint/rules.ts";
import type { BullProfile } from "./profile.ts";
import { quietly } from "./quietly.ts";
import type { RedisLink } from "./redis/link.ts";
import type { RedisConnection, RedisOrigin } from "./redis/origin.ts";
import { createReporter, type Reporter } from "./reporter.ts";
import { watchFlows } from "./sources/flows.ts";
import { type BullmqModuleLike, watchModule } from "./sources/module.ts";
import { watchProducer } from "./sources/producer.ts";
import { isClosing, type WatchedWorker, watchWorker } from "./sources/worker.ts";
import type { OwnWorker } from "./stream/presence.ts";
import { startStreamWatch, type StreamWatch } from "./stream/start.ts";
import { claimWorker, nameOfUser } from "./worker_claim.ts";
import { createWorkerNames } from "./worker_name.ts";

/** What an attachment is made of. */
export interface AttachmentOptions {
  readonly workers?: readonly BullWorkerLike[] | undefined;
  readonly flows?: readonly BullFlowProducerLike[] | undefined;
  readonly bullmq?: BullmqModuleLike | undefined;
  readonly connection?: RedisConnection | undefined;
  readonly prefix?: string | undefined;
  readonly stream?: boolean | undefined;
  readonly workerName?: string | undefined;
  readonly pid?: number | undefined;
  readonly profile: BullProfile;
  readonly clock: Clock;
  /** The queues that commands may use; those that are found come in. */
  readonly queues: BullQueueLike[];
  readonly origin: RedisOrigin;
  /** The connection that the reader shares with the commands. */
  readonly commands: RedisLink;
  readonly sink: EngineSink;
  readonly host: EngineHost | undefined;
  /** Takes the jobs that ran here, for the lint. */
  readonly observer: JobObserver;
}

/** Everything between an attach and the detach that follows. */
export interface Attachment {
  /** How the workers of this process look now. */
  workers(): readonly WorkerReport[];
  /** The workers themselves. */
  objects(): readonly BullWorkerLike[];
  /** The workers as commands find them. */
  watched(): readonly WatchedWorker[];
  /** Reports what a command did. */
  report(events: readonly EngineEvent[]): void;
  /** Reports a job that a command added. */
  arrival(job: BullJobLike, queue: BullQueueLike): void;
  /** Whether somebody of the project reads what Redis tells about removals. */
  isStreamed(): boolean;
  /** The workers as the lint looks at them. */
  linted(): readonly LintedWorker[];
  /** More facts for the health page. */
  facts(): Readonly<Record<string, string>> | undefined;
  /** Ends all reporting and undoes every change to the user's objects. */
  detach(): Promise<void>;
}

// A process may make workers without end; those that closed are forgotten.
const MAX_FOUND_QUEUES = 1_000;

/** Begins to report what the given and the found queues and workers do. */
export function attachBull(options: AttachmentOptions): Attachment {
  return new BullAttachment(options);
}

interface AttachedWorker {
  readonly isNamed: boolean;
  readonly watched: WatchedWorker;
  readonly own: Omit<OwnWorker, "breaks"> | undefined;
  readonly rename: () => void;
}

class BullAttachment implements Attachment {
  readonly #options: AttachmentOptions;
  readonly #reporter: Reporter;
  readonly #workers = new Map<BullWorkerLike, AttachedWorker>();
  readonly #stops: (() => void)[] = [];
  readonly #nameOf: (worker: BullWorkerLike) => string;
  readonly #given: number;
  #stream: StreamWatch | undefined;

  constructor(options: AttachmentOptions) {
    const { workers = [], flows = [], queues, bullmq, sink, profile, clock } = options;
    this.#options = options;
    this.#given = queues.length;
    this.#reporter = createReporter(sink, profile, clock);
    const several = workers.length > 1 || bullmq !== undefined;
    this.#nameOf = createWorkerNames(several, options.workerName, options.pid);
    for (const queue of [...queues]) {
      this.#try(`queue ${queue.name}`, () => {
        this.#stops.push(watchProducer(queue, this.#reporter, this.#ancestorsOf(queue)));
      });
    }
    for (const producer of flows) {
      this.#try("producer of flows", () => {
        this.#stops.push(watchFlows(producer, this.#reporter.contexts));
      });
    }
    for (const worker of workers) this.#watch(worker);
    if (bullmq !== undefined) {
      this.#try("module bullmq", () => void this.#stops.push(this.#watchModule(bullmq)));
    }
    this.#stream = this.#startStream();
  }

  workers(): readonly WorkerReport[] {
    return [...this.#workers.values()].map(({ watched }) => watched.health());
  }

  objects(): readonly BullWorkerLike[] {
    return [...this.#workers.keys()];
  }

  watched(): readonly WatchedWorker[] {
    return [...this.#workers].flatMap(([worker, { watched }]) =>
      isClosing(worker) ? [] : [watched]
    );
  }

  report(events: readonly EngineEvent[]): void {
    this.#reporter.report(() => events);
  }

  arrival(job: BullJobLike, queue: BullQueueLike): void {
    this.#reporter.arrival(job, queue.name, this.#ancestorsOf(queue));
  }

  isStreamed(): boolean {
    return this.#stream !== undefined;
  }

  linted(): readonly LintedWorker[] {
    return [...this.#workers].filter(([worker]) => !isClosing(worker)).map(
      ([worker, { isNamed }]) => ({ worker, isNamed }),
    );
  }

  facts(): Readonly<Record<string, string>> | undefined {
    return this.#stream?.facts();
  }

  async detach(): Promise<void> {
    for (const stop of this.#stops.splice(0)) quietly(stop);
    for (const worker of [...this.#workers.keys()]) this.#forget(worker);
    // Queues that were found belong to this attachment.
    this.#options.queues.splice(this.#given);
    quietly(() => this.#reporter.close());
    const stream = this.#stream;
    this.#stream = undefined;
    await stream?.stop();
  }

  #watch(worker: BullWorkerLike): void {
    if (this.#workers.has(worker)) return;
    this.#try(`worker of ${worker.name}`, () => {
      const { clock, pid, observer } = this.#options;
      const isNamed = nameOfUser(worker) !== undefined;
      const watched = watchWorker({
        worker,
        name: this.#nameOf(worker),
        reporter: this.#reporter,
        ancestors: this.#ancestorsOf(worker),
        clock,
        pid,
        ended: (job) => observer.ended(worker.name, job),
      });
      this.#workers.set(worker, { isNamed, watched, ...this.#claim(worker) });
    });
  }

  #forget(worker: BullWorkerLike): void {
    const attached = this.#workers.get(worker);
    this.#workers.delete(worker);
    quietly(() => attached?.watched.stop());
    quietly(() => attached?.rename());
  }

  /**
   * BullMQ writes the name of a worker into the jobs it runs: by that the reader
   * of the streams knows whose jobs it need not report.
   */
  #claim(worker: BullWorkerLike): Pick<AttachedWorker, "own" | "rename"> {
    const attachedAtMs = this.#options.clock.now();
    const given = nameOfUser(worker);
    if (given !== undefined) {
      const own = { queue: worker.name, name: given, isUnique: false, attachedAtMs };
      return { own, rename() {} };
    }
    const claim = this.#usesStreams()
      ? claimWorker(worker, `${this.#nameOf(worker)}-${randomHex(4)}`)
      : undefined;
    if (claim === undefined) return { own: undefined, rename() {} };
    return {
      own: { queue: worker.name, name: claim.name, isUnique: true, attachedAtMs },
      rename: () => claim.release(),
    };
  }

  #usesStreams(): boolean {
    const { host, profile, stream } = this.#options;
    return host !== undefined && profile.hasStreams && stream !== false;
  }

  #watchModule(module: BullmqModuleLike): () => void {
    return watchModule(module, this.#reporter, {
      queue: (queue) => {
        this.#keepQueue(queue);
        return this.#ancestorsOf(queue);
      },
      worker: (worker) => {
        for (const known of this.#workers.keys()) if (isClosing(known)) this.#forget(known);
        this.#watch(worker);
      },
    });
  }

  // The newest queue of a name: an older one may be closed.
  #keepQueue(queue: BullQueueLike): void {
    const { queues } = this.#options;
    const at = queues.findIndex(({ name }) => name === queue.name);
    if (at >= this.#given) queues[at] = queue;
    else if (at < 0 && queues.length < MAX_FOUND_QUEUES) queues.push(queue);
  }

  #startStream(): StreamWatch | undefined {
    const { host, queues, connection } = this.#options;
    if (host === undefined || !this.#usesStreams()) return undefined;
    return startStreamWatch({
      ...this.#options,
      host,
      hasConnection: connection !== undefined,
      prefix: this.#options.prefix,
      reporter: this.#reporter,
      owners: () => [...queues, ...this.#workers.keys()],
      queueNames: () => [
        ...queues.map(({ name }) => name),
        ...[...this.#workers.keys()].map(({ name }) => name),
      ],
      workers: () =>
        [...this.#workers].flatMap(([worker, { own, watched }]) =>
          own === undefined || isClosing(worker) ? [] : [{ ...own, breaks: watched.breaks() }]
        ),
    });
  }

  // One for each object: every one may have a Redis of its own.
  #ancestorsOf(owner: BullQueueLike | BullWorkerLike): Ancestors {
    const { queues, clock } = this.#options;
    return createAncestors(createParentReader(owner, queues), clock);
  }

  // An object that does not look as expected costs its own events, nothing else.
  #try(what: string, begin: () => void): void {
    try {
      begin();
    } catch (error) {
      const { sink } = this.#options;
      quietly(() => sink.notice({ what, error: errorText(error) }, `Cannot watch the ${what}`));
    }
  }
}
