import { errorText } from "../../base/errors.ts";
import type { ScheduleRun } from "../contract.ts";

/** A run that began and whose end is reported once. */
export interface ReportedRun {
  /** It returned. */
  succeeded(): void;
  /** It threw, or its promise was rejected. */
  failed(error: unknown): void;
}

/** Reports the runs of one job. */
export interface RunReporter {
  /** Reports a start. */
  begin(manual: boolean): ReportedRun;
  /** Reports a run that croner skipped because the last one still ran. */
  skipped(): void;
  /** Runs that began. */
  totalRuns(): number;
  /** Identity of the last run that began, or `null`. */
  lastRunId(): string | null;
}

/** Whom the runs belong to. */
export interface RunReporterJob {
  /** Identity of the schedule. */
  readonly key: string;
  /** Name of the function. */
  taskName(): string;
  /** Unix milliseconds. */
  now(): number;
}

/** Where the phases go. */
export interface RunReporterEvents {
  /** Takes one phase. */
  run(run: ScheduleRun): void;
  /** The row changed. */
  changed(): void;
}

/** Creates the reporter of one job. Run ids are `<key>:<start in ms>`. */
export function runReporter(job: RunReporterJob, events: RunReporterEvents): RunReporter {
  let total = 0;
  let last: string | null = null;
  let lastMs = 0;
  // Two runs may begin in one millisecond; ids must differ all the same.
  const nextId = (): string => {
    lastMs = Math.max(lastMs + 1, job.now());
    return `${job.key}:${lastMs}`;
  };
  const common = (runId: string, manual: boolean) => ({
    runId,
    scheduleKey: job.key,
    scheduleName: job.key,
    taskName: job.taskName(),
    manual,
  });
  return {
    begin(manual) {
      total += 1;
      const startedAtMs = job.now();
      const facts = common(last = nextId(), manual);
      events.run({ ...facts, phase: "started", occurredAtMs: startedAtMs });
      const end = (outcome: "success" | "failure", extra: Partial<ScheduleRun>): void => {
        const occurredAtMs = Math.max(startedAtMs, job.now());
        const runtimeMs = occurredAtMs - startedAtMs;
        events.run({ ...facts, phase: "completed", occurredAtMs, outcome, runtimeMs, ...extra });
        events.changed();
      };
      return {
        succeeded: () => end("success", {}),
        failed: (error) => end("failure", failureOf(error)),
      };
    },
    skipped() {
      const facts = common(nextId(), false);
      events.run({ ...facts, phase: "completed", occurredAtMs: job.now(), outcome: "skipped" });
    },
    totalRuns: () => total,
    lastRunId: () => last,
  };
}

function failureOf(error: unknown): Pick<ScheduleRun, "exception" | "traceback"> {
  if (!(error instanceof Error)) return { exception: errorText(error) };
  const exception = `${error.name}: ${errorText(error)}`;
  return typeof error.stack === "string" ? { exception, traceback: error.stack } : { exception };
}
