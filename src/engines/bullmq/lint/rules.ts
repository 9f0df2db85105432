import type { EngineFinding, LintFacts } from "../../contract.ts";
import { finite, member, text } from "../facts.ts";
import type { BullQueueLike, BullWorkerLike } from "../like.ts";
import type { JobObserver } from "./observer.ts";
import { keepsNoFailures } from "./options.ts";

/** A worker and whether its user named it. */
export interface LintedWorker {
  readonly worker: BullWorkerLike;
  readonly isNamed: boolean;
}

/** Findings about the default options of queues, and about jobs that ran here. */
export function jobFindings(
  queues: readonly BullQueueLike[],
  observer: JobObserver,
): readonly EngineFinding[] {
  const found: EngineFinding[] = [];
  const eager = new Set(observer.withoutBackoff());
  const traceless = new Set(observer.withoutTrace());
  for (const queue of queues) {
    const defaults = member(member(queue, "opts"), "defaultJobOptions");
    if ((finite(member(defaults, "attempts")) ?? 1) > 1 && !member(defaults, "backoff")) {
      eager.add(`queue ${queue.name}`);
    }
    if (keepsNoFailures(defaults)) traceless.add(`queue ${queue.name}`);
  }
  for (const subject of eager) {
    found.push({
      code: "Z4J_LINT_NO_BACKOFF",
      severity: "warning",
      subject,
      message: "Failed jobs are tried again at once, so a short outage uses up every attempt.",
      remedy: 'Set backoff beside attempts, for example { type: "exponential", delay: 1000 }.',
    });
  }
  for (const subject of traceless) {
    found.push({
      code: "Z4J_LINT_NO_FAILED_JOBS",
      severity: "warning",
      subject,
      message: "Jobs are removed when they fail, so nobody can look at them or retry them.",
      remedy: "Keep some, for example removeOnFail: { count: 1000 }.",
    });
  }
  return found;
}

/** Findings about the workers of this process. */
export function workerFindings(
  workers: readonly LintedWorker[],
  observer: JobObserver,
): readonly EngineFinding[] {
  return workers.flatMap(({ worker, isNamed }) => {
    const subject = `worker of queue ${worker.name}`;
    const found: EngineFinding[] = [];
    if (listenersOf(worker, "error") === 0) {
      found.push({
        code: "Z4J_LINT_NO_ERROR_LISTENER",
        severity: "warning",
        subject,
        message: "Nobody listens to its error event; connection troubles only reach the console.",
        remedy: 'Add worker.on("error", ...) that reaches your log.',
      });
    }
    if (!isNamed) {
      found.push({
        code: "Z4J_LINT_WORKER_UNNAMED",
        severity: "info",
        subject,
        message: "It has no name, so jobs do not tell for long which worker ran them.",
        remedy: "Give the option name, without spaces, the same at every start.",
      });
    }
    const lockMs = finite(member(member(worker, "opts"), "lockDuration"));
    const p99Ms = observer.p99Ms(worker.name);
    if (lockMs !== undefined && p99Ms !== undefined && p99Ms > lockMs) {
      found.push({
        code: "Z4J_LINT_SHORT_LOCK",
        severity: "warning",
        subject,
        message:
          `Jobs run up to ${p99Ms} ms (99 of 100), longer than their lock of ${lockMs} ms; ` +
          "when the loop is blocked the lock ends and the job runs twice.",
        remedy: "Raise lockDuration above the run time, or run long work in a sandbox.",
      });
    }
    return found;
  });
}

/** Findings about versions, of what the objects of this process show. */
export function versionFindings(objects: readonly unknown[]): readonly EngineFinding[] {
  const found: EngineFinding[] = [];
  const majors = new Set(objects.map(generationOf));
  if (majors.size > 1) found.push(mixedMajors("this process"));
  const affected = new Set(objects.map(versionOf).filter(stopsAfterOutage));
  for (const version of affected) {
    found.push({
      code: "Z4J_LINT_WORKER_STOPS",
      severity: "error",
      subject: `bullmq ${version}`,
      message: "Workers of this version may never take a job again after Redis was away.",
      remedy: "Upgrade bullmq to the newest 6.x (upstream issues 4378 and 4585).",
    });
  }
  return found;
}

/** The finding that two generations of BullMQ write to one place. */
export function mixedMajors(subject: string): EngineFinding {
  return {
    code: "Z4J_LINT_MIXED_MAJORS",
    severity: "warning",
    subject,
    message: "BullMQ 5 and 6 work on the same queues; paused jobs and priorities differ there.",
    remedy: "Bring every process to one major version.",
  };
}

/** `6` for the generation with backends, `5` for the one before: by feature, not by version text. */
export function generationOf(object: unknown): 5 | 6 {
  return typeof member(object, "getBackend") === "function" ? 6 : 5;
}

/** Findings about the process, of facts that the caller knows. */
export function processFindings(
  { runtime, envAccess }: LintFacts,
  brokerType: string,
): readonly EngineFinding[] {
  if (runtime !== "deno" || envAccess !== "scoped" || brokerType !== "redis") return [];
  return [{
    code: "Z4J_LINT_DENO_ENV",
    severity: "warning",
    subject: "permissions",
    message: "Deno may read only some variables; ioredis and msgpackr read others and then fail " +
      "with messages that name something else.",
    remedy: "Run with --allow-env without a list.",
  }];
}

function listenersOf(worker: BullWorkerLike, event: string): number | undefined {
  const count = member(worker, "listenerCount");
  if (typeof count !== "function") return undefined;
  return finite(Reflect.apply(count, worker, [event]));
}

function versionOf(object: unknown): string | undefined {
  const backend = member(object, "getBackend");
  if (typeof backend !== "function") return undefined;
  return text(member(Reflect.apply(backend, object, []), "version"));
}

// The last version that is reported to have the trouble.
function stopsAfterOutage(version: string | undefined): version is string {
  const [major, minor, patch] = (version ?? "").split(".").map(Number);
  if (major !== 6 || minor === undefined || patch === undefined) return false;
  return minor === 0 || (minor === 1 && patch <= 2);
}
