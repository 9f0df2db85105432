import type { Queue } from "bullmq";
import { loadSqlite } from "../../../src/buffer/load_sqlite.ts";

/** What the brain knows beside what Redis knows. */
export interface EngineAccount {
  /** Jobs in Redis at the end. */
  readonly jobs: number;
  /** Those that ended well, and those that failed. */
  readonly completed: number;
  readonly failed: number;
  /** Jobs whose final state in the brain is not that in Redis. */
  readonly wrong: readonly string[];
  /** Events that the brain has twice. */
  readonly doubled: readonly string[];
  /** Jobs without an arrival, a start or an end among their events. */
  readonly missing: readonly string[];
  readonly events: number;
}

interface Truth {
  readonly taskId: string;
  readonly state: "success" | "failure";
  readonly runs: number;
  readonly attempts: number;
}

/** What Redis says of every job; all of them have ended. */
export async function readTruth(queues: readonly Queue[]): Promise<readonly Truth[]> {
  const truth: Truth[] = [];
  for (const queue of queues) {
    for (const [type, state] of [["completed", "success"], ["failed", "failure"]] as const) {
      for (const job of await queue.getJobs([type], 0, -1)) {
        truth.push({
          taskId: `${queue.name}:${job.id}`,
          state,
          runs: job.attemptsStarted,
          attempts: job.attemptsMade,
        });
      }
    }
  }
  return truth;
}

/** Compares the database of the embedded brain with the truth. */
export async function settleAccount(
  truth: readonly Truth[],
  database: string,
): Promise<EngineAccount> {
  const brain = (await loadSqlite())(database);
  const tasks = new Map(
    brain.prepare("SELECT task_id, state FROM tasks").all()
      .map((row) => [String(row["task_id"]), String(row["state"])]),
  );
  const counts = new Map(
    brain.prepare("SELECT task_id, kind, count(*) AS n FROM events GROUP BY task_id, kind").all()
      .map((row) => [`${row["task_id"]} ${row["kind"]}`, Number(row["n"])]),
  );
  const [total] = brain.prepare("SELECT count(*) AS n FROM events").all();
  brain.close();
  const wrong: string[] = [];
  const doubled: string[] = [];
  const missing: string[] = [];
  for (const { taskId, state, runs, attempts } of truth) {
    const count = (kind: string): number => counts.get(`${taskId} task.${kind}`) ?? 0;
    if (tasks.get(taskId) !== state) wrong.push(`${taskId} ${tasks.get(taskId)} not ${state}`);
    const ends = count("succeeded") + count("failed");
    const most: readonly (readonly [string, number])[] = [
      ["sent", 1],
      ["received", 1],
      ["started", runs],
      ["succeeded", 1],
      ["failed", 1],
      // A run that stalled is retried without counting as an attempt.
      ["retried", Math.max(0, attempts - 1) + Math.max(0, runs - attempts)],
    ];
    for (const [kind, limit] of most) {
      if (count(kind) > limit) doubled.push(`${taskId} ${kind} ${count(kind)} of ${limit}`);
    }
    if (count("received") === 0) missing.push(`${taskId} received`);
    if (count("started") < runs) missing.push(`${taskId} started ${count("started")} of ${runs}`);
    if (ends === 0) missing.push(`${taskId} end`);
    if (count("retried") < attempts - 1) missing.push(`${taskId} retried`);
  }
  return {
    jobs: truth.length,
    completed: truth.filter(({ state }) => state === "success").length,
    failed: truth.filter(({ state }) => state === "failure").length,
    wrong,
    doubled,
    missing,
    events: Number(total?.["n"] ?? 0),
  };
}
