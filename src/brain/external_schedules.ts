import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import { RESERVED_OWNER } from "../protocol/external_schedule_row.ts";
import { scheduleScope } from "../protocol/external_schedule.ts";
import { type JsonTree, parseJsonTree } from "../protocol/json_tree.ts";
import { cancelActivations, insertCommand, type StoredCommand } from "./commands.ts";
import type { BrainContext } from "./context.ts";
import { requiredNumber, requiredText } from "./database.ts";
import { type ExternalVerdict, isScheduleProjection, sequencedBody } from "./external_input.ts";
import {
  eventTrees,
  isRowValid,
  isSnapshotOf,
  prepareBody,
  type PreparedBody,
  type PreparedRow,
  prepareRows,
} from "./external_prepare.ts";
import {
  acceptedDigest,
  acceptSequence,
  faultStream,
  startEpoch,
  streamOf,
  type StreamRecord,
} from "./external_streams.ts";
import { EXTERNAL_TIMEOUT_MS, SNAPSHOT_FRAMES } from "./limits.ts";
import type { LiveSession } from "./sessions.ts";

/** What makes a session able to publish schedules (protocol 20.1). */
export const STABLE_SNAPSHOT = "external_schedule_stable_snapshot_v1";
const FEATURE = "external_schedule_protocol_v1";

interface Prepared extends PreparedBody {
  /** The rows of a whole snapshot; `null` while frames are missing or differ. */
  readonly snapshot: readonly PreparedRow[] | null;
}

/** The sequenced streams of external schedulers (protocol 20). */
export class ExternalSchedules {
  readonly #context: BrainContext;
  readonly #redact: (value: JsonValue) => JsonValue;
  readonly #registryOwner: string;

  /** Takes the redaction that stored rows pass. */
  constructor(context: BrainContext, redact: (value: JsonValue) => JsonValue) {
    this.#context = context;
    this.#redact = redact;
    this.#registryOwner = context.random.uuid();
  }

  /** Id of this process in authorities (protocol 20.1). */
  get registryOwner(): string {
    return this.#registryOwner;
  }

  /**
   * Starts an epoch for each scheduler of a session that meets the conditions
   * and is not held by another live session.
   */
  activate(
    session: LiveSession,
    isLive: (generation: string) => boolean,
  ): readonly StoredCommand[] {
    if (!session.runtimeFeatures.includes(FEATURE)) return [];
    const owners = new Set(session.schedulers.filter((owner) => this.#qualifies(session, owner)));
    return [...owners].flatMap((owner) => {
      const held = streamOf(this.#context, session.project, owner);
      const isHeld = held !== null && held.generation !== session.generation &&
        isLive(held.generation);
      return isHeld ? [] : [this.#activateOwner(session, owner)];
    });
  }

  /** Starts an epoch on another session for what an ended one held. */
  takeOver(
    session: LiveSession,
    ended: LiveSession,
    isLive: (generation: string) => boolean,
  ): readonly StoredCommand[] {
    const owners = new Set(this.heldBy(ended));
    const rest = session.schedulers.filter((owner) => owners.has(owner));
    return this.activate({ ...session, schedulers: rest }, isLive);
  }

  /** Owners whose stream this session held. */
  heldBy(session: LiveSession): readonly string[] {
    return this.#context.db.all(
      "SELECT owner FROM streams WHERE project = ? AND session_generation = ?",
      session.project,
      session.generation,
    ).map((row) => requiredText(row, "owner"));
  }

  /**
   * Does what must be waited for, digests, before the batch's transaction;
   * answers what applies an event inside it, or `undefined` for a batch
   * without sequenced events.
   */
  async prepare(
    session: LiveSession,
    events: readonly JsonValue[],
    payload: JsonTree,
  ): Promise<((event: JsonValue) => ExternalVerdict) | undefined> {
    if (!events.some(isScheduleProjection)) return undefined;
    const trees = eventTrees(payload);
    const prepared = new Map<JsonValue, Prepared>();
    for (const [index, event] of events.entries()) {
      const sequenced = isScheduleProjection(event) ? sequencedBody(event) : null;
      if (sequenced === null) continue;
      const one = await prepareBody(trees[index] ?? null, sequenced);
      const snapshot = await this.#snapshotOf(session, one, [...prepared.values()]);
      prepared.set(event, { ...one, snapshot });
    }
    return (event) => {
      const one = prepared.get(event);
      return one === undefined ? "withheld" : this.#apply(session, event, one);
    };
  }

  #qualifies(session: LiveSession, owner: string): boolean {
    return owner !== "" && owner !== RESERVED_OWNER &&
      (session.capabilities[owner]?.includes(STABLE_SNAPSHOT) ?? false);
  }

  #activateOwner(session: LiveSession, owner: string): StoredCommand {
    return this.#context.db.transaction(() => {
      cancelActivations(this.#context, session.project, owner);
      const stream = startEpoch(this.#context, session, owner);
      return insertCommand(this.#context, {
        project: session.project,
        agent: session.agent,
        action: "schedule.external.activate",
        target: { type: "scheduler", id: owner, scheduler: owner },
        parameters: {
          scheduler: owner,
          ...authorityOf(stream),
          owner,
          source_scope: scheduleScope(owner),
          stable_source: true,
          registry_owner_id: this.#registryOwner,
          session_generation: session.generation,
        },
        timeoutMs: EXTERNAL_TIMEOUT_MS,
        claimToken: this.#context.random.uuid(),
        sessionGeneration: session.generation,
      });
    });
  }

  /** A terminal frame is worth a snapshot once every row frame is here. */
  async #snapshotOf(
    session: LiveSession,
    one: PreparedBody,
    earlier: readonly Prepared[],
  ): Promise<readonly PreparedRow[] | null> {
    const { body } = one;
    if (one.form === "projection") {
      return body["kind"] === "snapshot" && body["complete"] === true ? one.rows : null;
    }
    const count = body["frame_count"];
    if (body["frame_kind"] !== "terminal" || typeof count !== "number") return null;
    const frames = new Map<number, readonly PreparedRow[]>(await this.#stagedFrames(session, body));
    for (const { body: other, rows } of earlier) {
      const index = other["frame_index"];
      if (other["snapshot_id"] === body["snapshot_id"] && typeof index === "number") {
        frames.set(index, rows);
      }
    }
    if (count > SNAPSHOT_FRAMES) return null;
    const rows: PreparedRow[] = [];
    for (let index = 0; index < count; index++) {
      const frame = frames.get(index);
      if (frame === undefined) return null;
      rows.push(...frame);
    }
    const areUnique = new Set(rows.map((row) => row.key)).size === rows.length;
    return areUnique && await isSnapshotOf(body, rows) ? rows : null;
  }

  async #stagedFrames(
    session: LiveSession,
    body: JsonObject,
  ): Promise<readonly (readonly [number, readonly PreparedRow[]])[]> {
    const { owner, sequence, snapshot_id: snapshot } = body;
    const stream = typeof owner === "string"
      ? streamOf(this.#context, session.project, owner)
      : null;
    if (stream === null || typeof sequence !== "number" || typeof snapshot !== "string") return [];
    const staged = this.#context.db.all(
      `SELECT frame_index, rows FROM stream_frames
       WHERE stream = ? AND sequence = ? AND snapshot_id = ?`,
      stream.pk,
      sequence,
      snapshot,
    );
    return await Promise.all(
      staged.map(async (row) =>
        [
          requiredNumber(row, "frame_index"),
          await prepareRows(parseJsonTree(requiredText(row, "rows"))),
        ] as const
      ),
    );
  }

  #apply(session: LiveSession, event: JsonValue, one: Prepared): ExternalVerdict {
    const engine = isJsonObject(event) ? event["engine"] : null;
    const { body } = one;
    const stream = typeof engine === "string"
      ? streamOf(this.#context, session.project, engine.trim())
      : null;
    if (stream === null || !one.isIntact || !isCurrent(stream, session, body)) return "withheld";
    const sequence = body["sequence"];
    if (typeof sequence !== "number" || !Number.isSafeInteger(sequence)) return "withheld";
    const digest = one.form === "frame" ? textOf(body["snapshot_digest"]) : one.digest;
    if (sequence <= stream.sequence) return this.#repeat(stream, sequence, digest);
    if (sequence !== stream.sequence + 1) return "withheld";
    if (one.form === "frame" && body["frame_kind"] === "rows") {
      return this.#stage(stream, sequence, one);
    }
    return this.#accept(stream, sequence, digest, one);
  }

  /** The same content again is acknowledged, other content ends the epoch. */
  #repeat(stream: StreamRecord, sequence: number, digest: string): ExternalVerdict {
    if (acceptedDigest(this.#context, stream, sequence) === digest) return "rejected";
    faultStream(this.#context, stream);
    this.#context.logger.warn({ owner: stream.owner }, "A schedule stream contradicts itself");
    return "withheld";
  }

  #stage(stream: StreamRecord, sequence: number, one: Prepared): ExternalVerdict {
    const { db } = this.#context;
    const index = one.body["frame_index"];
    const snapshotId = one.body["snapshot_id"];
    const isPlaced = typeof index === "number" && Number.isSafeInteger(index) && index >= 0 &&
      index < SNAPSHOT_FRAMES;
    if (!isPlaced || typeof snapshotId !== "string" || one.rows.length === 0) return "withheld";
    // A new snapshot under the same sequence replaces one that never completed.
    db.run(
      "DELETE FROM stream_frames WHERE stream = ? AND snapshot_id <> ?",
      stream.pk,
      snapshotId,
    );
    const added = db.run(
      `INSERT INTO stream_frames (stream, sequence, snapshot_id, frame_index, digest, rows)
       VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      stream.pk,
      sequence,
      snapshotId,
      index,
      one.digest,
      `[${one.rows.map((row) => row.text).join(",")}]`,
    );
    return added > 0 ? "accepted" : "rejected";
  }

  #accept(
    stream: StreamRecord,
    sequence: number,
    digest: string,
    one: Prepared,
  ): ExternalVerdict {
    const isSnapshot = one.form === "frame" || one.body["kind"] === "snapshot";
    if (isSnapshot ? one.snapshot === null : stream.state !== "active") return "withheld";
    const rows = one.snapshot ?? one.rows;
    if (!rows.every((row) => isRowValid(row.value, stream.owner))) {
      // One bad row drops the whole projection, which is acknowledged all the same.
      acceptSequence(this.#context, stream, sequence, digest, stream.state);
      this.#context.logger.warn({ owner: stream.owner }, "A schedule projection holds a bad row");
      return "rejected";
    }
    for (const row of rows) this.#storeRow(stream, row);
    if (isSnapshot) this.#removeOthers(stream, rows);
    this.#removeKeys(stream, one.body["deleted_source_keys"]);
    acceptSequence(this.#context, stream, sequence, digest, "active");
    this.#context.changes.changed("schedules");
    return "accepted";
  }

  #storeRow(stream: StreamRecord, row: PreparedRow): void {
    const { db, clock, random } = this.#context;
    db.run(
      `INSERT INTO schedules (id, project, owner, source_key, row, digest, updated_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (project, owner, source_key) DO UPDATE SET row = excluded.row,
         digest = excluded.digest, updated_ms = excluded.updated_ms
       WHERE schedules.digest <> excluded.digest`,
      random.uuid(),
      stream.project,
      stream.owner,
      row.key,
      JSON.stringify(this.#redact(row.value)),
      row.digest,
      clock.now(),
    );
  }

  #removeOthers(stream: StreamRecord, rows: readonly PreparedRow[]): void {
    this.#context.db.run(
      `DELETE FROM schedules WHERE project = ? AND owner = ?
         AND source_key NOT IN (SELECT value FROM json_each(?))`,
      stream.project,
      stream.owner,
      JSON.stringify(rows.map((row) => row.key)),
    );
  }

  #removeKeys(stream: StreamRecord, keys: JsonValue | undefined): void {
    if (!Array.isArray(keys) || keys.length === 0) return;
    this.#context.db.run(
      `DELETE FROM schedules WHERE project = ? AND owner = ?
         AND source_key IN (SELECT value FROM json_each(?))`,
      stream.project,
      stream.owner,
      JSON.stringify(keys),
    );
  }
}

/** The members that name a stream's current epoch. */
export function authorityOf(stream: StreamRecord): JsonObject {
  return {
    stream_id: stream.streamId,
    epoch_uuid: stream.epochUuid,
    epoch_number: stream.epochNumber,
    adapter_instance_id: stream.adapterInstanceId,
  };
}

function isCurrent(stream: StreamRecord, session: LiveSession, body: JsonObject): boolean {
  return stream.state !== "faulted" && stream.generation === session.generation &&
    body["owner"] === stream.owner && body["source_scope"] === scheduleScope(stream.owner) &&
    body["protocol_version"] === 1 &&
    Object.entries(authorityOf(stream)).every(([key, value]) => body[key] === value);
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}
