import { errorText, Z4jError } from "../../base/errors.ts";
import type { ActionOutcome } from "../../engines/contract.ts";
import type { Schedule, Scheduler, SchedulerActions, SchedulerSink } from "../contract.ts";
import { findCroner, type ImportModule, tellsCreation, watchCreation } from "./discover.ts";
import type { CronerModuleLike, CronLike } from "./peer.ts";
import { scheduleOf } from "./row.ts";
import { type WatchedJob, watchJob } from "./watch.ts";

/** What `cronerScheduler` takes. */
export interface CronerSchedulerOptions {
  /** Jobs to adopt: an array of named jobs, or a record of name to job. */
  readonly jobs?: readonly CronLike[] | Readonly<Record<string, CronLike>>;
  /** The croner module, or several copies; every named job of it is adopted. */
  readonly croner?: CronerModuleLike | readonly CronerModuleLike[];
  /** Owner name of the stream. Default `croner`. */
  readonly name?: string;
  /** Loads croner when neither option is given. Default: dynamic `import`. */
  readonly importModule?: ImportModule;
  /** Wall clock in Unix milliseconds. Default `Date.now`. */
  readonly now?: () => number;
}

/** A scheduler over croner jobs. */
export interface CronerScheduler extends Scheduler {
  /**
   * Adopts one more job, under its own name or under `key`, and gives it back.
   *
   * @throws {TypeError} when the job has no name and no key is given.
   * @throws {Z4jError} `Z4J_SCHEDULER_INVALID` when another job has that name.
   */
  adopt<J extends CronLike>(job: J, key?: string): J;
  /** Wraps the jobs and begins to report. */
  attach(sink: SchedulerSink): Promise<void>;
  /** Restores the jobs. Idempotent. */
  detach(): void;
  /** Every adopted job that was not stopped for good. */
  list(): readonly Schedule[];
}

/**
 * Watches and steers croner 9 to 11 jobs: lists them, reports every run, pauses,
 * resumes and triggers. Imports nothing from croner and does not change how the
 * jobs run or fail. Without `jobs` and `croner` it looks up the croner module of
 * this process by name when the agent starts.
 *
 * @throws {TypeError} when a given job has no name.
 * @throws {Z4jError} `Z4J_SCHEDULER_INVALID` when two jobs share a name.
 *
 * @example Adopt the jobs of a process
 * ```ts
 * import { cronerScheduler } from "@z4j/core/schedulers/croner";
 *
 * const scheduler = cronerScheduler({ jobs: [] });
 * scheduler.name; // "croner"
 * ```
 */
export function cronerScheduler(options: CronerSchedulerOptions = {}): CronerScheduler {
  return new CronerJobs(options);
}

class CronerJobs implements CronerScheduler {
  readonly name: string;
  readonly capabilities = ["list", "read", "enable", "disable", "trigger_now"] as const;
  readonly actions: SchedulerActions;
  readonly #options: CronerSchedulerOptions;
  readonly #now: () => number;
  readonly #given = new Map<string, CronLike>();
  readonly #watched = new Map<string, WatchedJob>();
  readonly #noticed = new Set<string>();
  #modules: readonly CronerModuleLike[] = [];
  #unpatch: (() => void)[] = [];
  #sink: SchedulerSink | undefined;

  constructor(options: CronerSchedulerOptions) {
    this.#options = options;
    this.name = options.name ?? "croner";
    this.#now = options.now ?? (() => Date.now());
    for (const [key, job] of givenJobs(options.jobs)) this.adopt(job, key);
    this.actions = {
      enable: (key) => Promise.resolve(this.#switch(key, true)),
      disable: (key) => Promise.resolve(this.#switch(key, false)),
      trigger: (key) => Promise.resolve(this.#trigger(key)),
    };
  }

  adopt<J extends CronLike>(job: J, key: string | undefined = job.name): J {
    if (typeof key !== "string" || key.trim() === "") {
      throw new TypeError(
        "Cannot adopt a croner job: it has no name, expected a name option or a key",
      );
    }
    const known = this.#given.get(key);
    if (known !== undefined && known !== job && !known.isStopped()) {
      throw new Z4jError(
        "Z4J_SCHEDULER_INVALID",
        `Cannot adopt the croner job "${key}": another job has that name, expected unique names`,
      );
    }
    this.#given.set(key, job);
    if (this.#sink !== undefined && this.#watch(job, key)) this.#sink.changed();
    return job;
  }

  async attach(sink: SchedulerSink): Promise<void> {
    this.#sink = sink;
    for (const [key, job] of this.#given) this.#watch(job, key);
    this.#modules = await this.#findModules();
    // Detached while croner was being looked up.
    if (this.#sink !== sink) return;
    this.#unpatch = this.#modules.map((module) => this.#follow(module));
    this.#scan();
    sink.changed();
  }

  detach(): void {
    this.#sink = undefined;
    for (const undo of this.#unpatch.splice(0)) undo();
    for (const watched of this.#watched.values()) watched.restore();
    this.#watched.clear();
  }

  list(): readonly Schedule[] {
    this.#scan();
    return [...this.#watched.values()].filter(({ job }) => !job.isStopped()).map((watched) =>
      scheduleOf(watched.job, {
        key: watched.key,
        taskName: watched.taskName(),
        totalRuns: watched.totalRuns(),
      })
    );
  }

  async #findModules(): Promise<readonly CronerModuleLike[]> {
    const { croner, jobs, importModule } = this.#options;
    if (croner !== undefined) return isList(croner) ? croner : [croner];
    if (jobs !== undefined || this.#given.size > 0) return [];
    const found = await findCroner(importModule);
    if (found !== null) return [found];
    this.#notice("croner was not found by name; pass { croner } or { jobs }", {});
    return [];
  }

  #follow(module: CronerModuleLike): () => void {
    if (!tellsCreation(module)) {
      this.#notice("this croner does not tell about new jobs; they appear at the next resync", {});
    }
    return watchCreation(module, (job) => {
      if (this.#discover(job)) this.#sink?.changed();
    });
  }

  #scan(): void {
    for (const module of this.#modules) {
      for (const job of module.scheduledJobs) this.#discover(job);
    }
  }

  /** Never throws: it runs inside croner's constructor. */
  #discover(job: CronLike): boolean {
    if (this.#sink === undefined || this.#isWatched(job)) return false;
    if (typeof job.name !== "string" || job.name === "") {
      this.#notice("a croner job without a name is not shown; give it a name option", {});
      return false;
    }
    return this.#watch(job, job.name);
  }

  #isWatched(job: CronLike): boolean {
    for (const watched of this.#watched.values()) if (watched.job === job) return true;
    return false;
  }

  #watch(job: CronLike, key: string): boolean {
    const present = this.#watched.get(key);
    if (present?.job === job) return false;
    if (present !== undefined && !present.job.isStopped()) {
      this.#notice("two croner jobs have the same name; only the first is shown", { name: key });
      return false;
    }
    try {
      present?.restore();
      this.#watched.set(key, watchJob(job, key, this.#events(job, key), this.#now));
      return true;
    } catch (error) {
      this.#notice("a croner job cannot be watched", { name: key, error: errorText(error) });
      return false;
    }
  }

  #events(job: CronLike, key: string) {
    return {
      run: (run: Parameters<SchedulerSink["run"]>[0]) => this.#sink?.run(run),
      changed: () => this.#sink?.changed(),
      stopped: () => {
        const watched = this.#watched.get(key);
        if (watched?.job === job) this.#watched.delete(key);
        if (this.#given.get(key) === job) this.#given.delete(key);
        this.#sink?.changed();
      },
    };
  }

  #notice(message: string, facts: Readonly<Record<string, unknown>>): void {
    const cause = `${message} ${String(facts["name"] ?? "")}`;
    if (this.#noticed.has(cause)) return;
    this.#noticed.add(cause);
    this.#sink?.notice(facts, message);
  }

  #switch(key: string, enabled: boolean): ActionOutcome {
    const watched = this.#watched.get(key);
    if (watched === undefined) return unknownJob(key);
    const { job } = watched;
    const reached = enabled ? job.resume() : job.pause();
    if (!reached) return { status: "refused", reason: `croner job "${key}" was stopped for good` };
    if (job.isRunning() === enabled) return { status: "done", result: { is_enabled: enabled } };
    return { status: "refused", reason: `croner job "${key}" has no further run` };
  }

  #trigger(key: string): ActionOutcome {
    const watched = this.#watched.get(key);
    if (watched === undefined) return unknownJob(key);
    if (!watched.hasFunction()) {
      return { status: "refused", reason: `croner job "${key}" has no function yet` };
    }
    // The run reports its own failure; nobody else waits for this promise.
    watched.job.trigger().catch(() => {});
    return { status: "done", result: { run_id: watched.lastRunId(), started: true } };
  }
}

function unknownJob(key: string): ActionOutcome {
  return { status: "refused", reason: `There is no croner job "${key}" in this process` };
}

function isList(
  croner: CronerModuleLike | readonly CronerModuleLike[],
): croner is readonly CronerModuleLike[] {
  return Array.isArray(croner);
}

function givenJobs(
  jobs: CronerSchedulerOptions["jobs"],
): readonly (readonly [string | undefined, CronLike])[] {
  if (jobs === undefined) return [];
  if (isJobList(jobs)) return jobs.map((job) => [undefined, job] as const);
  return Object.entries(jobs);
}

function isJobList(
  jobs: readonly CronLike[] | Readonly<Record<string, CronLike>>,
): jobs is readonly CronLike[] {
  return Array.isArray(jobs);
}
