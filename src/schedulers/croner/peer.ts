/** The options of a croner job that the adapter reads; `protect` is observed. */
export interface CronOptionsLike {
  /** IANA name of the time zone. */
  timezone?: string | undefined;
  /** Fixed offset in minutes instead of a zone. */
  utcOffset?: number | undefined;
  /** Least seconds between two runs. */
  interval?: number | undefined;
  /** Days by which every run is moved. */
  dayOffset?: number | undefined;
  /** Whether day of month and day of week must both match. */
  domAndDow?: boolean | undefined;
  /** Whether Sunday is 1. */
  alternativeWeekdays?: boolean | undefined;
  /** `true`, or what croner calls when it skips an overlapping run. */
  protect?: unknown;
}

/** What the adapter needs of a croner `Cron`. */
export interface CronLike {
  /** The name option, if there was one. */
  readonly name: string | undefined;
  /** The options croner resolved. */
  readonly options: CronOptionsLike;
  /** The pattern, or `undefined` for a date. */
  getPattern(): string | undefined;
  /** The date of a one-shot job, or `null`. */
  getOnce(): Date | null;
  /** The next run, or `null`. */
  nextRun(): Date | null;
  /** The start of the last finished run, or `null`. */
  previousRun(): Date | null;
  /** The start of the running or last run, or `null`. */
  currentRun(): Date | null;
  /** Whether a next run is awaited. */
  isRunning(): boolean;
  /** Whether it was stopped for good. */
  isStopped(): boolean;
  /** Keeps it from firing. */
  pause(): boolean;
  /** Lets it fire again. */
  resume(): boolean;
  /** Stops it for good. */
  stop(): void;
  /** Runs it now. */
  trigger(): Promise<void>;
}

/** The namespace of the croner module, as `import * as croner from "croner"` gives it. */
export interface CronerModuleLike {
  /** Every named job of this copy of croner. */
  readonly scheduledJobs: readonly CronLike[];
  /** The class; its `schedule` method tells about new jobs. */
  readonly Cron: { readonly prototype: unknown };
}

/** Tells whether a value has the shape of the croner module. */
export function isCronerModule(value: unknown): value is CronerModuleLike {
  if (typeof value !== "object" || value === null) return false;
  const { scheduledJobs, Cron } = value as Partial<Record<"scheduledJobs" | "Cron", unknown>>;
  return Array.isArray(scheduledJobs) && typeof Cron === "function";
}
