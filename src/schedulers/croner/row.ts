import type { Schedule } from "../contract.ts";
import { brainExpression } from "./pattern.ts";
import type { CronLike } from "./peer.ts";

/** What the adapter knows about a job besides the job itself. */
export interface JobFacts {
  /** Identity of the row. */
  readonly key: string;
  /** Name of the function, or the key. */
  readonly taskName: string;
  /** Runs that began since the job was adopted. */
  readonly totalRuns: number;
}

/** Patterns that leave the cadence to the `interval` option alone. */
const EVERY_SECOND = new Set(["* * * * * *", "? ? ? ? ? ?", "* * * * * * *"]);

/** Describes a job as a schedule. */
export function scheduleOf(job: CronLike, facts: JobFacts): Schedule {
  return {
    key: facts.key,
    name: facts.key,
    taskName: facts.taskName,
    ...cadenceOf(job),
    timezone: timezoneOf(job),
    isEnabled: job.isRunning(),
    lastRunAtMs: timeOf(job.previousRun() ?? job.currentRun()),
    nextRunAtMs: timeOf(job.nextRun()),
    totalRuns: facts.totalRuns,
  };
}

function cadenceOf(job: CronLike): Pick<Schedule, "kind" | "expression"> {
  const once = job.getOnce();
  if (once !== null) return { kind: "clocked", expression: once.toISOString() };
  const pattern = job.getPattern() ?? "";
  const seconds = job.options.interval ?? 0;
  if (seconds > 1 && EVERY_SECOND.has(pattern)) {
    return { kind: "interval", expression: String(seconds) };
  }
  return { kind: "cron", expression: brainExpression(pattern, job.options).expression };
}

/**
 * The zone that croner reckons in. Fixed offsets of whole hours have IANA names
 * with the opposite sign; other offsets have none and are shown as UTC.
 */
function timezoneOf(job: CronLike): string {
  const { timezone, utcOffset } = job.options;
  if (timezone !== undefined && timezone !== "") return timezone;
  if (utcOffset === undefined) return new Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
  const hours = utcOffset / 60;
  if (hours === 0 || !Number.isInteger(hours) || hours < -12 || hours > 14) return "UTC";
  return `Etc/GMT${hours > 0 ? "-" : "+"}${Math.abs(hours)}`;
}

function timeOf(date: Date | null): number | null {
  return date === null ? null : date.getTime();
}
