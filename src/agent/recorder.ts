import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import { timeUuid } from "../base/ids.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import type { EntryClass, EventBuffer } from "../buffer/port.ts";
import type { EngineEvent } from "../engines/contract.ts";
import type { WorkContext } from "../base/work_context.ts";
import { encodeCanonical } from "../protocol/canonical_json.ts";
import {
  draftEngineEvent,
  draftScheduleRun,
  type EventDraft,
  type EventFacts,
} from "../protocol/event_wire.ts";
import { workWire } from "../protocol/work_wire.ts";
import type { ScheduleRun } from "../schedulers/contract.ts";
import { trimEvent } from "./event_bounds.ts";
import type { OnceLogger } from "./guard.ts";
import { MAX_EVENT_BYTES } from "./limits.ts";
import { utf8Length } from "./utf8_length.ts";

/** The slice of the redactor that the agent needs. */
export interface RedactorLike {
  /** A redacted copy that JSON can hold. */
  redact(value: unknown): JsonValue;
}

/** What a recorder is made of. */
export interface RecorderParts {
  /** Where events wait for the brain. */
  readonly buffer: Pick<EventBuffer, "push">;
  /** Makes data printable and removes what is sensitive. */
  readonly redactor: RedactorLike;
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
  const record = (kind: string, draft: () => EventDraft): void => {
    try {
      store(parts, draft());
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
        return draftScheduleRun(timeUuid(nowMs), scheduler, run, facts(parts), nowMs);
      });
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

function store(parts: RecorderParts, draft: EventDraft): void {
  // Task ids are redacted too: a brain would do it on arrival, after the wire.
  const clean = parts.redactor.redact({ data: draft.data, task_id: draft.task_id });
  if (!isJsonObject(clean)) throw new TypeError("the redactor answered no object");
  const event: Record<string, JsonValue> = { ...draft, ...clean } as Record<string, JsonValue>;
  let text = encodeCanonical(event);
  let bytes = utf8Length(text);
  if (bytes > MAX_EVENT_BYTES) {
    text = encodeCanonical(trimEvent(event, MAX_EVENT_BYTES));
    bytes = utf8Length(text);
    if (bytes > MAX_EVENT_BYTES) throw new RangeError("the event is larger than a frame");
  }
  const of: EntryClass = TERMINAL.has(draft.kind) ? "terminal" : "progress";
  parts.buffer.push({ text, bytes, kind: draft.kind, class: of });
  parts.recorded(draft.kind);
}

function facts(parts: RecorderParts, work?: WorkContext): EventFacts {
  const own = work === undefined ? undefined : workWire(work);
  const hook = hookFacts(parts);
  if (own === undefined && hook === undefined) return parts.facts;
  return { ...parts.facts, context: { ...own, ...hook } };
}

function hookFacts(parts: RecorderParts): JsonObject | undefined {
  if (parts.context === undefined) return undefined;
  try {
    return parts.context();
  } catch (error) {
    parts.notices.warn("context", { error: errorText(error) }, "the context hook failed");
    return undefined;
  }
}
