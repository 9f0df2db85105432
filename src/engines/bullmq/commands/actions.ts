import type {
  ActionContext,
  ActionOutcome,
  EngineActions,
  EngineCapability,
} from "../../contract.ts";
import type { JsonValue } from "../../../base/json.ts";
import { reconcileJob } from "../reconcile.ts";
import { submitJob } from "../submit.ts";
import { cancelJob } from "./cancel.ts";
import { listDeadLetters } from "./dead_letters.ts";
import { limitConcurrency, limitRate, switchQueue } from "./limits.ts";
import type { WorkerOrder } from "./pool.ts";
import { purgeQueue } from "./purge.ts";
import { createQueueAccess, type QueueAccess } from "./queue_access.ts";
import { requeueJob, retryJob } from "./retry.ts";
import type { Router } from "./router.ts";
import type { CommandSite } from "./site.ts";

/** What an engine can be told, with the tokens that say so. */
export interface BullCommands {
  readonly capabilities: readonly EngineCapability[];
  readonly actions: EngineActions;
  /** How commands reach queues. */
  readonly access: QueueAccess;
}

/** What the profile of another library can do. */
const PLAIN: readonly EngineCapability[] = ["submit_task"];
const ON_QUEUES: readonly EngineCapability[] = [
  ...["submit_task", "retry_task", "cancel_task", "bulk_retry", "purge_queue"] as const,
  ...["requeue_dead_letter", "list_dead_letters", "rate_limit"] as const,
  ...["pause_queue", "resume_queue", "queue_concurrency", "retry_by_reference_v1"] as const,
];
const ON_WORKERS: readonly EngineCapability[] = [
  ...["pool_grow", "pool_shrink", "add_consumer", "cancel_consumer", "restart_worker"] as const,
];

/**
 * The commands of BullMQ. A process without queues declares only what it can do
 * to workers; through Redis those may be workers of any process.
 */
export function createBullCommands(
  site: CommandSite,
  router: Router,
  { hasQueues, hasWorkers }: { readonly hasQueues: boolean; readonly hasWorkers: boolean },
): BullCommands {
  const access = createQueueAccess(site);
  const reconcile: NonNullable<EngineActions["reconcile"]> = (taskId, context) =>
    reconcileJob(site, access, taskId, context);
  if (!site.profile.steers) {
    const { submit } = queueActions(site, access, router);
    const able = hasQueues && submit !== undefined;
    return {
      access,
      capabilities: able ? PLAIN : [],
      actions: able ? { submit, reconcile } : { reconcile },
    };
  }
  return {
    access,
    capabilities: [...(hasQueues ? ON_QUEUES : []), ...(hasWorkers ? ON_WORKERS : [])],
    actions: {
      ...(hasQueues ? queueActions(site, access, router) : {}),
      ...(hasWorkers ? workerActions(router) : {}),
      reconcile,
    },
  };
}

function queueActions(site: CommandSite, access: QueueAccess, router: Router): EngineActions {
  return {
    submit: (input, context) => submitJob(site, access, input, context),
    retry: (input, context) => retryJob(site, access, input, context),
    requeueDeadLetter: (taskId, context) => requeueJob(site, access, taskId, context),
    cancel: (taskId, context) => cancelJob(site, access, router, taskId, context),
    purge: (input, context) => purgeQueue(site, access, input, context),
    listDeadLetters: (query, context) => listDeadLetters(site, access, query, context),
    rateLimit: (input, context) => limitRate(site, access, input, context),
    pauseQueue: (queue, context) => switchQueue(site, access, queue, "paused", context),
    resumeQueue: (queue, context) => switchQueue(site, access, queue, "running", context),
    limitConcurrency: (queue, limit, context) =>
      limitConcurrency(site, access, queue, limit, context),
  };
}

function workerActions(router: Router): EngineActions {
  const order = (
    worker: string,
    wanted: WorkerOrder & JsonValue,
    context: ActionContext,
  ): Promise<ActionOutcome> => router.order(worker, wanted, context);
  return {
    poolGrow: ({ worker, delta }, context) => order(worker, { kind: "resize", delta }, context),
    poolShrink: ({ worker, delta }, context) =>
      order(worker, { kind: "resize", delta: -delta }, context),
    addConsumer: ({ worker, queue }, context) =>
      order(worker, { kind: "consume", queue, on: true }, context),
    cancelConsumer: ({ worker, queue }, context) =>
      order(worker, { kind: "consume", queue, on: false }, context),
    restartWorker: (worker, context) => order(worker, { kind: "restart" }, context),
  };
}
