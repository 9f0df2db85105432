import type { JsonObject, JsonValue } from "../base/json.ts";
import type { MaybePromise } from "../base/maybe_promise.ts";
import type { ActionContext } from "../engines/contract.ts";

/** What became of a batch that was handed to the current session. */
export type PublishOutcome =
  /** The brain acknowledged the batch. */
  | "acked"
  /** The session ended, or there was none; the next epoch republishes. */
  | "lost";

/**
 * Sends sequenced schedule events beside the durable buffer: every session is a
 * new epoch with its own complete snapshot, so an unsent frame of an older
 * epoch is worthless and must neither block the buffer nor be resent
 * (protocol sections 20.2 and 20.6).
 */
export interface SchedulePublisher {
  /**
   * Sends the texts as one `event_batch` on the current session, after every
   * batch handed over before. Resolves when its `event_batch_ack` arrives or
   * when the session ends; never rejects and never resends. Texts handed over
   * in one call stay within the frame limit.
   */
  publish(events: readonly string[]): Promise<PublishOutcome>;
}

/** The small values that a stream keeps over restarts; an `EventBuffer` fits. */
export interface ScheduleMeta {
  /** The kept value, or `null`. */
  getMeta(key: string): MaybePromise<string | null>;
  /** Keeps a value; `null` removes it. */
  setMeta(key: string, value: string | null): MaybePromise<void>;
}

/** What a schedule command answers; the dispatcher maps it to the wire. */
export type ScheduleCommandOutcome =
  /** Carried out; `result` has the members of protocol section 20. */
  | { readonly status: "success"; readonly result: JsonObject }
  /** Not carried out, or (`indeterminate`) possibly carried out. */
  | {
    readonly status: "failed";
    readonly error: string;
    readonly indeterminate: boolean;
  };

/** The slice of the redactor that a stream needs. */
export interface ScheduleRedactor {
  /** A redacted copy. */
  redact(value: unknown): JsonValue;
}

/** The sequenced stream of one scheduler (protocol section 20). */
export interface ScheduleStream {
  /** Owner name: the name of the scheduler. */
  readonly owner: string;
  /** Tokens for `capabilities[owner]` in hello (protocol section 4.3). */
  readonly tokens: readonly string[];
  /** Answers `schedule.external.activate`. Never rejects. */
  activate(parameters: JsonObject, context: ActionContext): Promise<ScheduleCommandOutcome>;
  /** Answers `schedule.external.control`. Never rejects. */
  control(parameters: JsonObject, context: ActionContext): Promise<ScheduleCommandOutcome>;
  /** Answers `schedule.external.mutate`. Never rejects. */
  mutate(parameters: JsonObject, context: ActionContext): Promise<ScheduleCommandOutcome>;
  /** Publishes a new complete snapshot; does nothing before an activation. */
  resync(reason: string): Promise<void>;
  /** Tells that the list or a row changed; calls are merged. */
  changed(): void;
  /** Tells that the session ended: nothing is published until the next activation. */
  sessionEnded(): void;
  /** Stops publishing. Idempotent. */
  close(): void;
}
