import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import { timeUuid } from "../base/ids.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import type { EntryClass, EventBuffer } from "../buffer/port.ts";
import type { EngineEvent } from "../engines/contract.ts";
import type { WorkContext } from "../base/work_context.ts";
import {
  draftEngineEvent,
  draftScheduleRun,
  type EventDraft,
  type EventFacts,
} from "../protocol/event_wire.ts";
import type { WalkOptions } from "../redaction/walk.ts";
import { workWire } from "../protocol/work_wire.ts";
import type { ScheduleRun } from "../schedulers/contract.ts";
import { encodeEvent } from "./event_encoder.ts";
import type { OnceLogger } from "./guard.ts";
import { createPrivacy, NO_PRIVACY, type Privacy, type PrivacyRules } from "./privacy.ts";

/** The slice of the redactor that the agent needs. */
export interface RedactorLike {
  /** A redacted copy that JSON can hold. */
  redact(value: unknown, options?: WalkOptions): JsonValue;
}

/** What a recorder is made of. */
export interface RecorderParts {
  /** Where events wait for the brain. */
  readonly buffer: Pick<EventBuffer, "push">;
  /** Makes data printable and removes what is sensitive. */
  readonly redactor: RedactorLike;
  /** What stays in this process besides. Default: nothing. */
  readonly privacy?: PrivacyRules | undefined;
  /** Time source for events without a usable time. */
  readonly clock: Clock;
  /** Deployment and labels that every event repeats. */
  readonly facts: EventFacts;
  /** Facts about the current request; called for each event. */
  readonly context?: (() => JsonObject | undefined) | undefined;
  /** Told when an event could not be recorded. */
  readonly lost: (kind: string, reason: string) => void;
  /** Told after each event that reached the buffer. */
  readonly recorded: (kind: string) => void;
  /** Tells once about a context hook that fails. */
  readonly notices: OnceLogger;
}

/** Takes what engines and schedulers report. Never throws, never waits. */
export interface Recorder {
  /** Records an event of an engine. */
  event(engine: string, event: EngineEvent): void;
  /** Records one phase of a schedule's run. */
  run(scheduler: string, run: ScheduleRun): void;
}

/** Creates the way from a hook to the buffer: map, redact, bound, encode once. */
export function createRecorder(parts: RecorderParts): Recorder {
  const privacy = privacyOf(parts);
  const record = (kind: string, draft: () => EventDraft, queue?: string): void => {
    try {
      store(parts, draft(), privacy, queue);
    } catch (error) {
      parts.lost(kind, errorText(error));
    }
  };
  return {
    event(engine, event) {
      record(event?.kind, () => {
        const nowMs = parts.clock.now();
        const [id, work] = "taskId" in event ? [event.id, event.context] : [];
        return draftEngineEvent(
          id ?? timeUuid(nowMs),
          engine,
          event,
          facts(parts, work),
          nowMs,
        );
      });
    },
    run(scheduler, run) {
      record("schedule.run_completed", () => {
        const nowMs = parts.clock.now();
        return draftScheduleRun(
          timeUuid(nowMs),
          scheduler,
          run,
          facts(parts, run?.context),
          nowMs,
        );
      }, run?.queue);
    },
  };
}

const TERMINAL: ReadonlySet<string> = new Set([
  "task.succeeded",
  "task.failed",
  "task.revoked",
  "task.rejected",
  "schedule.run_completed",
]);

function store(parts: RecorderParts, draft: EventDraft, privacy: Privacy, queue?: string): void {
  const { text, bytes } = encodeEvent(draft, { redactor: parts.redactor, privacy, queue });
  const of: EntryClass = TERMINAL.has(draft.kind) ? "terminal" : "progress";
  parts.buffer.push({ text, bytes, kind: draft.kind, class: of });
  parts.recorded(draft.kind);
}

/** What one event would look like on the wire. */
export interface EventPreview {
  /** The event as the brain would get it. */
  readonly event: JsonObject;
  /** Size of its text in UTF-8 bytes. */
  readonly bytes: number;
  /** What would stay here: places below `data`, and the rule that removes them. */
  readonly removed: readonly { readonly path: string; readonly rule: string }[];
}

/** What a preview needs of a recorder. */
export type PreviewParts = Omit<RecorderParts, "buffer" | "lost" | "recorded">;

/**
 * Takes an event through everything that a recorded one goes through, and keeps
 * it.
 *
 * @throws what the encoder throws: such an event would be counted as lost.
 */
export function previewEvent(
  parts: PreviewParts,
  engine: string,
  event: EngineEvent,
): EventPreview {
  const nowMs = parts.clock.now();
  const work = "taskId" in event ? event.context : undefined;
  const draft = draftEngineEvent(timeUuid(nowMs), engine, event, facts(parts, work), nowMs);
  const removed: { readonly path: string; readonly rule: string }[] = [];
  const privacy = privacyOf(parts);
  const trace = (path: string, rule: string): void => void removed.push({ path, rule });
  const encoded = encodeEvent(draft, { redactor: parts.redactor, privacy }, trace);
  return { event: encoded.event, bytes: encoded.bytes, removed };
}

function privacyOf({ privacy = NO_PRIVACY, redactor, notices }: PreviewParts): Privacy {
  return createPrivacy(privacy, redactor, notices);
}

function facts(parts: PreviewParts, work?: WorkContext): EventFacts {
  const own = work === undefined ? undefined : workWire(work);
  const hook = hookFacts(parts);
  if (own === undefined && hook === undefined) return parts.facts;
  return { ...parts.facts, context: { ...own, ...hook } };
}

function hookFacts(parts: PreviewParts): JsonObject | undefined {
  if (parts.context === undefined) return undefined;
  try {
    return parts.context();
  } catch (error) {
    parts.notices.warn("context", { error: errorText(error) }, "the context hook failed");
    return undefined;
  }
}
