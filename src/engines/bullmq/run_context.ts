import type { WorkContext } from "../../base/work_context.ts";
import { textDigest } from "./event_id.ts";

/**
 * The context of one run of a schedule. A schedule outlives the request that made
 * it, so a run begins a trace of its own and names its maker as a link; user,
 * tenant and further facts go on, because it runs on their behalf. The ids come
 * from the task id: every process that tells of the run tells the same.
 */
export function runContext(maker: WorkContext, taskId: string): WorkContext {
  const { traceId, spanId, requestId, scheduledBy, sampled, user, tenant, extra } = maker;
  const identity = `${traceId}\n${spanId}\n${taskId}`;
  const trace = textDigest(`trace\n${identity}`);
  const step = textDigest(`step\n${identity}`);
  const ids = { traceId: trace + step.slice(16), spanId: step.slice(0, 16) };
  return {
    ...ids,
    sampled,
    user,
    tenant,
    extra,
    // A run that makes its schedule anew still leads to the request behind it.
    scheduledBy: { traceId, spanId, requestId: requestId ?? scheduledBy?.requestId },
  };
}
