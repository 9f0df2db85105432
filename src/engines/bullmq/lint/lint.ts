import type { EngineFinding, LintFacts } from "../../contract.ts";
import { member, text } from "../facts.ts";
import type { BullQueueLike } from "../like.ts";
import type { BullProfile } from "../profile.ts";
import type { RedisLink } from "../redis/link.ts";
import type { JobObserver } from "./observer.ts";
import {
  generationOf,
  jobFindings,
  type LintedWorker,
  mixedMajors,
  processFindings,
  versionFindings,
  workerFindings,
} from "./rules.ts";

/** What is looked at. */
export interface LintParts {
  readonly profile: BullProfile;
  readonly queues: readonly BullQueueLike[];
  readonly workers: readonly LintedWorker[];
  readonly observer: JobObserver;
  /** Connection for questions to Redis. */
  readonly redis: Pick<RedisLink, "call">;
  readonly facts: LintFacts;
}

// Each costs one question to Redis.
const MAX_VERSION_READS = 50;

/** Everything that is wrong or risky in the set-up of queues and workers now. */
export async function lintBull(parts: LintParts): Promise<readonly EngineFinding[]> {
  const { profile, queues, workers, observer, facts } = parts;
  const objects = [...queues, ...workers.map(({ worker }) => worker)];
  const isRedis = profile.brokerType === "redis";
  return [
    ...processFindings(facts, profile.brokerType),
    ...jobFindings(queues, observer),
    // A worker of bunqueue takes no name, so none is missed.
    ...workerFindings(workers.map((one) => isRedis ? one : { ...one, isNamed: true }), observer),
    ...(isRedis ? [...versionFindings(objects), ...await redisFindings(parts)] : []),
  ];
}

async function redisFindings({ queues, redis }: LintParts): Promise<readonly EngineFinding[]> {
  const found: EngineFinding[] = [];
  // INFO says it as well as CONFIG, which managed servers forbid.
  const memory = await redis.call("INFO", ["memory"]);
  const eviction = memory.ended === "value" ? evictionFinding(String(memory.value)) : undefined;
  if (eviction !== undefined) found.push(eviction);
  for (const queue of queues.slice(0, MAX_VERSION_READS)) {
    const key = keyOf(queue);
    if (key === undefined) continue;
    const answer = await redis.call("HGET", [key, "version"]);
    if (answer.ended !== "value") break;
    const major = /^bullmq(?:-pro)?:(\d+)\./.exec(String(answer.value))?.[1];
    if (major === undefined) continue;
    const generation = Number(major) >= 6 ? 6 : 5;
    if (generation !== generationOf(queue)) found.push(mixedMajors(`queue ${queue.name}`));
  }
  return found;
}

/** Tells whether a Redis may drop the keys of jobs, of its answer to `INFO memory`. */
export function evictionFinding(info: string): EngineFinding | undefined {
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (policy === undefined || policy === "noeviction") return undefined;
  const limit = Number(/^maxmemory:(\d+)/m.exec(info)?.[1] ?? "0");
  return {
    code: "Z4J_LINT_REDIS_EVICTION",
    severity: limit > 0 ? "error" : "warning",
    subject: "redis",
    message: limit > 0
      ? `Redis drops keys when its memory is full (maxmemory-policy ${policy}): jobs can vanish.`
      : `Redis would drop jobs once maxmemory is set (maxmemory-policy ${policy}).`,
    remedy: "Set maxmemory-policy to noeviction.",
  };
}

function keyOf(queue: BullQueueLike): string | undefined {
  const toKey = member(queue, "toKey");
  return typeof toKey === "function" ? text(Reflect.apply(toKey, queue, ["meta"])) : undefined;
}
