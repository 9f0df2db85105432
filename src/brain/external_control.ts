import type { JsonObject } from "../base/json.ts";
import { rowDigest, scheduleScope } from "../protocol/external_schedule.ts";
import { normalizeScheduleRow } from "../protocol/external_schedule_row.ts";
import { insertCommand, openExternalCommand, type StoredCommand } from "./commands.ts";
import type { BrainContext } from "./context.ts";
import { objectOf, requiredText } from "./database.ts";
import { authorityOf, type ExternalSchedules, STABLE_SNAPSHOT } from "./external_schedules.ts";
import { streamOf, type StreamRecord } from "./external_streams.ts";
import { EXTERNAL_TIMEOUT_MS } from "./limits.ts";
import type { LiveSession, SessionRegistry } from "./sessions.ts";
import type { CommandRefusal, ScheduleWrite } from "./operator_port.ts";

/** What an operator may do to a schedule. */
export type ScheduleOperation = "enable" | "disable" | "trigger";

interface Control {
  readonly stream: StreamRecord;
  readonly session: LiveSession;
  readonly scheduleId: string;
  readonly sourceKey: string;
  readonly row: JsonObject;
  readonly digest: string;
}

const MUTATION = "external_schedule_mutation_v1";

/** Stores the command that enables, disables or triggers a schedule (protocol 20.7, 20.8). */
export function insertScheduleControl(
  context: BrainContext,
  externals: ExternalSchedules,
  sessions: SessionRegistry,
  target: { readonly project: number; readonly scheduleId: string },
  operation: ScheduleOperation,
): StoredCommand | CommandRefusal {
  const found = findControl(context, sessions, target.project, target.scheduleId);
  if ("kind" in found) return found;
  const { stream, session } = found;
  const tokens = session.capabilities[stream.owner] ?? [];
  const needed = operation === "trigger" ? "trigger_now" : operation;
  const mutates = operation === "trigger" || tokens.includes(MUTATION);
  if (mutates && !tokens.includes(needed)) {
    return refused(`scheduler ${stream.owner} does not support ${operation}`);
  }
  if (!mutates && !tokens.includes(STABLE_SNAPSHOT)) {
    return refused(`scheduler ${stream.owner} takes no commands`);
  }
  if (openExternalCommand(context, stream.project, stream.owner) !== null) {
    return { kind: "conflict", message: "another operation on this scheduler is under way" };
  }
  const id = context.random.uuid();
  const shared = { operation_id: id, ...sharedParameters(externals, found) };
  return insertCommand(context, {
    project: stream.project,
    agent: session.agent,
    action: mutates ? "schedule.external.mutate" : "schedule.external.control",
    target: mutates
      ? { type: "scheduler", id: stream.owner, scheduler: stream.owner }
      : { type: "schedule", id: found.scheduleId, scheduler: stream.owner },
    parameters: mutates
      ? { ...shared, ...mutateParameters(found, operation) }
      : { ...shared, ...controlParameters(found, operation === "enable") },
    timeoutMs: EXTERNAL_TIMEOUT_MS,
    claimToken: context.random.uuid(),
    sessionGeneration: session.generation,
  });
}

/** Stores the command that creates, changes or deletes a schedule (protocol 20.8). */
export function insertScheduleWrite(
  context: BrainContext,
  externals: ExternalSchedules,
  sessions: SessionRegistry,
  project: number,
  write: ScheduleWrite,
): StoredCommand | CommandRefusal {
  const control = write.scheduleId === null
    ? null
    : findControl(context, sessions, project, write.scheduleId);
  if (control !== null && "kind" in control) return control;
  const found = control ?? findStream(context, sessions, project, write.scheduler);
  if ("kind" in found) return found;
  const { stream, session } = found;
  const { owner } = stream;
  if (owner !== write.scheduler) return refused(`the schedule belongs to scheduler ${owner}`);
  const isSwitch = write.operation === "update" && Object.keys(write.definition).length === 1 &&
    typeof write.definition["is_enabled"] === "boolean";
  const switched = write.definition["is_enabled"] === true ? "enable" : "disable";
  const needed = isSwitch ? switched : write.operation;
  if (!(session.capabilities[owner] ?? []).includes(needed)) {
    return refused(`scheduler ${owner} does not support ${needed}`);
  }
  if (openExternalCommand(context, stream.project, owner) !== null) {
    return { kind: "conflict", message: "another operation on this scheduler is under way" };
  }
  const id = context.random.uuid();
  return insertCommand(context, {
    project: stream.project,
    agent: session.agent,
    action: "schedule.external.mutate",
    target: { type: "scheduler", id: owner, scheduler: owner },
    parameters: {
      operation_id: id,
      ...sharedParameters(externals, { ...found, sourceKey: control?.sourceKey ?? null }),
      ...writeParameters(owner, control, write.operation, write.definition),
    },
    timeoutMs: EXTERNAL_TIMEOUT_MS,
    claimToken: context.random.uuid(),
    sessionGeneration: session.generation,
  });
}

/** Adds the digest of the desired row, which takes waiting to compute. */
export async function controlWithDigest(command: StoredCommand): Promise<JsonObject> {
  const { parameters } = command.row;
  const { desired_projection: desired, scheduler } = parameters;
  if (typeof desired !== "object" || desired === null || typeof scheduler !== "string") {
    return parameters;
  }
  const row = normalizeScheduleRow(desired as JsonObject, scheduler);
  return { ...parameters, desired_projection_digest: await rowDigest(row) };
}

function findControl(
  context: BrainContext,
  sessions: SessionRegistry,
  project: number,
  scheduleId: string,
): Control | CommandRefusal {
  const stored = context.db.get(
    "SELECT * FROM schedules WHERE project = ? AND id = ?",
    project,
    scheduleId,
  );
  if (stored === undefined) return { kind: "not_found", message: "there is no such schedule" };
  const held = findStream(context, sessions, project, requiredText(stored, "owner"));
  if ("kind" in held) return held;
  return {
    ...held,
    scheduleId,
    sourceKey: requiredText(stored, "source_key"),
    row: objectOf(stored, "row"),
    digest: requiredText(stored, "digest"),
  };
}

function findStream(
  context: BrainContext,
  sessions: SessionRegistry,
  project: number,
  owner: string,
): Pick<Control, "stream" | "session"> | CommandRefusal {
  const stream = streamOf(context, project, owner);
  const session = stream === null ? null : sessions.byGeneration(stream.generation);
  if (stream === null || session === null || stream.state !== "active") {
    return refused(`scheduler ${owner} is not connected with a current snapshot`);
  }
  return { stream, session };
}

function sharedParameters(
  externals: ExternalSchedules,
  control: Pick<Control, "stream" | "session"> & { readonly sourceKey: string | null },
): JsonObject {
  return {
    scheduler: control.stream.owner,
    schedule_id: control.sourceKey,
    ...authorityOf(control.stream),
    expected_accepted_sequence: control.stream.sequence,
    registry_owner_id: externals.registryOwner,
    session_generation: control.session.generation,
  };
}

function mutateParameters(control: Control, operation: ScheduleOperation): JsonObject {
  const isTrigger = operation === "trigger";
  const definition: JsonObject = isTrigger ? {} : { is_enabled: operation === "enable" };
  const kind = isTrigger ? "trigger" : "update";
  return writeParameters(control.stream.owner, control, kind, definition);
}

function writeParameters(
  owner: string,
  control: Control | null,
  operation: ScheduleWrite["operation"] | "trigger",
  definition: JsonObject,
): JsonObject {
  return {
    intent: {
      scheduler: owner,
      operation,
      schedule_id: control?.scheduleId ?? null,
      definition,
      observed_control_token: null,
    },
    owner,
    operation,
    definition,
    expected: control?.row ?? null,
    source_scope: scheduleScope(owner),
    stable_source: true,
  };
}

function controlParameters(control: Control, isEnabled: boolean): JsonObject {
  return {
    source_key: control.sourceKey,
    z4j_schedule_id: control.scheduleId,
    expected_projection_digest: control.digest,
    desired_projection: { ...control.row, is_enabled: isEnabled },
  };
}

function refused(message: string): CommandRefusal {
  return { kind: "refused", message };
}
