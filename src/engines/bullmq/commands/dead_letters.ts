import type { ActionContext, DeadLetter, DeadLetterPage, DeadLetterQuery } from "../../contract.ts";
import { errorText } from "../../../base/errors.ts";
import { finite, text } from "../facts.ts";
import type { RedisArgument } from "../redis/client.ts";
import { taskIdOf } from "../task_id.ts";
import { cursorOf, type Position, positionOf } from "./cursor.ts";
import type { QueueAccess } from "./queue_access.ts";
import type { CommandSite } from "./site.ts";
import { createSteps, Ended, type Steps } from "./step.ts";

// Queues that one page is merged from, and rows read at once per queue.
const MAX_QUEUES = 100;
const CHUNK = 500;
const MAX_CHUNKS = 40;
// More than the excerpt on the wire, so that redaction sees some context.
const ERROR_CHARS = 2_000;

// One way for all rows; inputs, which may have megabytes, are not read.
const READ = `local out = {}
for i, key in ipairs(KEYS) do
  local f = redis.call("HMGET", key, "name", "failedReason", "atm", "attemptsMade")
  if f[2] then f[2] = string.sub(f[2], -tonumber(ARGV[1])) end
  out[i] = { f[1] or "", f[2] or "", f[3] or f[4] or "" }
end
return out`;

interface Row {
  readonly score: number;
  readonly taskId: string;
  readonly queue: string;
  readonly jobId: string;
}

/** Lists failed jobs, newest first. The cursor names a job, so pages do not shift. */
export async function listDeadLetters(
  site: CommandSite,
  access: QueueAccess,
  query: DeadLetterQuery,
  context: ActionContext,
): Promise<DeadLetterPage> {
  const after = query.cursor === null ? null : positionOf(query.cursor);
  if (after === undefined) return { status: "refused", reason: "invalid dead-letter cursor" };
  const steps = createSteps(context, site.clock, site.link);
  try {
    return await page(site, access, query, after, steps);
  } catch (error) {
    if (!(error instanceof Ended)) return { status: "failed", error: errorText(error) };
    const { outcome } = error;
    return outcome.status === "refused"
      ? outcome
      : { status: "failed", error: outcome.status === "failed" ? outcome.error : outcome.reason };
  }
}

async function page(
  site: CommandSite,
  access: QueueAccess,
  { queue, limit }: DeadLetterQuery,
  after: Position | null,
  steps: Steps,
): Promise<DeadLetterPage> {
  // Refuses a name that nobody knows.
  if (queue !== null) await access.queue(queue, steps);
  const names = queue === null ? site.queues.map(({ name }) => name) : [queue];
  const lists = await Promise.all(
    names.slice(0, MAX_QUEUES).map(async (name) => ({
      rows: await newest(site, access, name, after, limit + 1, steps),
      total: Number(await call(site, "ZCARD", [access.key(name, "failed")], steps)) || 0,
    })),
  );
  const rows = lists.flatMap(({ rows }) => rows).sort(newestFirst);
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return {
    status: "page",
    entries: await read(site, access, shown, steps),
    nextCursor: last === undefined ? null : cursorOf(last, sameScore(shown, last, after)),
    total: lists.reduce((sum, { total }) => sum + total, 0),
  };
}

// How many rows of that very millisecond were shown so far, for ids too long for a cursor.
function sameScore(shown: readonly Row[], last: Row, after: Position | null): number {
  const before = after?.score === last.score && "skip" in after ? after.skip ?? 0 : 0;
  return before + shown.filter(({ score }) => score === last.score).length;
}

async function newest(
  site: CommandSite,
  access: QueueAccess,
  queue: string,
  after: Position | null,
  limit: number,
  steps: Steps,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const max = after === null ? "+inf" : String(after.score);
  let skipped = 0;
  for (let chunk = 0; chunk < MAX_CHUNKS && rows.length < limit; chunk++) {
    const flat = await call(site, "ZREVRANGEBYSCORE", [
      ...[access.key(queue, "failed"), max, "-inf"],
      ...["WITHSCORES", "LIMIT", chunk * CHUNK, CHUNK],
    ], steps);
    // Pairs inside of pairs, where a client speaks the newer protocol of Redis.
    const list = Array.isArray(flat) ? flat.flat().map(String) : [];
    for (let i = 0; i + 1 < list.length; i += 2) {
      const [jobId = "", score = 0] = [list[i], Number(list[i + 1])];
      const row = { queue, jobId, score, taskId: taskIdOf(queue, jobId) };
      if (after === null || score < after.score) rows.push(row);
      else if (after.skip !== undefined) skipped++ >= after.skip && rows.push(row);
      else if (compareBytes(row.taskId, after.taskId ?? "") < 0) rows.push(row);
    }
    if (list.length < CHUNK * 2) break;
  }
  return rows.slice(0, limit);
}

async function read(
  site: CommandSite,
  access: QueueAccess,
  rows: readonly Row[],
  steps: Steps,
): Promise<readonly DeadLetter[]> {
  if (rows.length === 0) return [];
  const keys = rows.map(({ queue, jobId }) => access.key(queue, jobId));
  const found = await call(site, "EVAL", [READ, keys.length, ...keys, ERROR_CHARS], steps);
  return rows.map(({ queue, taskId, score }, i) => {
    const fields = Array.isArray(found) && Array.isArray(found[i]) ? found[i].map(String) : [];
    const [name, error = "", attempts = ""] = fields;
    return {
      taskId,
      taskName: name === "__default__" ? queue : text(name) ?? "",
      queue,
      failedAtMs: finite(score) ?? null,
      error,
      attempts: attempts === "" ? null : finite(Number(attempts)) ?? null,
    };
  });
}

async function call(
  site: CommandSite,
  command: string,
  values: readonly RedisArgument[],
  steps: Steps,
): Promise<unknown> {
  const answer = await steps.read(() => site.link.call(command, values));
  if (answer.ended === "value") return answer.value;
  throw new Ended({ status: "failed", error: answer.error });
}

// Redis sorts jobs of one millisecond by the bytes of their ids.
function newestFirst(a: Row, b: Row): number {
  return b.score - a.score || compareBytes(b.taskId, a.taskId);
}

const encoder = new TextEncoder();

function compareBytes(a: string, b: string): number {
  const [x, y] = [encoder.encode(a), encoder.encode(b)];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return x.length - y.length;
}
