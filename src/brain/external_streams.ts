import type { SqlRow } from "../buffer/sqlite_driver.ts";
import type { BrainContext } from "./context.ts";
import { requiredNumber, requiredText } from "./database.ts";
import type { LiveSession } from "./sessions.ts";

/** The stream of one scheduler of a project (protocol 20.1). */
export interface StreamRecord {
  readonly pk: number;
  readonly project: number;
  readonly owner: string;
  readonly streamId: string;
  readonly agent: number;
  readonly adapterInstanceId: string;
  readonly epochUuid: string;
  readonly epochNumber: number;
  /** The session that may publish. */
  readonly generation: string;
  /** Last accepted sequence; 0 at the start of an epoch. */
  readonly sequence: number;
  readonly state: "activating" | "active" | "faulted";
}

/** The stream of an owner, or `null`. */
export function streamOf(
  context: BrainContext,
  project: number,
  owner: string,
): StreamRecord | null {
  const row = context.db.get(
    "SELECT * FROM streams WHERE project = ? AND owner = ?",
    project,
    owner,
  );
  return row === undefined ? null : streamRecord(row);
}

/** Starts a new epoch, bound to this session, and forgets what the old one staged. */
export function startEpoch(
  context: BrainContext,
  session: LiveSession,
  owner: string,
): StreamRecord {
  const { db, random } = context;
  return db.transaction(() => {
    db.run(
      `INSERT INTO streams (project, owner, stream_id, agent, adapter_instance_id, epoch_uuid,
         epoch_number, session_generation, sequence, state)
       VALUES (?, ?, ?, ?, ?, ?, 1, ?, 0, 'activating')
       ON CONFLICT (project, owner) DO UPDATE SET agent = excluded.agent,
         adapter_instance_id = excluded.adapter_instance_id, epoch_uuid = excluded.epoch_uuid,
         epoch_number = epoch_number + 1, session_generation = excluded.session_generation,
         sequence = 0, state = 'activating'`,
      session.project,
      owner,
      random.uuid(),
      session.agent,
      random.uuid(),
      random.uuid(),
      session.generation,
    );
    const stream = streamOf(context, session.project, owner);
    if (stream === null) throw new Error("Cannot read the stream that was just stored");
    db.run("DELETE FROM stream_log WHERE stream = ?", stream.pk);
    db.run("DELETE FROM stream_frames WHERE stream = ?", stream.pk);
    return stream;
  });
}

/** Digest under which a sequence of this epoch was accepted, or `null`. */
export function acceptedDigest(
  context: BrainContext,
  stream: StreamRecord,
  sequence: number,
): string | null {
  const row = context.db.get(
    "SELECT digest FROM stream_log WHERE stream = ? AND sequence = ?",
    stream.pk,
    sequence,
  );
  return row === undefined ? null : requiredText(row, "digest");
}

/** Moves the stream to an accepted sequence and forgets staged frames up to it. */
export function acceptSequence(
  context: BrainContext,
  stream: StreamRecord,
  sequence: number,
  digest: string,
  state: StreamRecord["state"],
): void {
  const { db } = context;
  db.run(
    "INSERT INTO stream_log (stream, sequence, digest) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    stream.pk,
    sequence,
    digest,
  );
  db.run("UPDATE streams SET sequence = ?, state = ? WHERE pk = ?", sequence, state, stream.pk);
  db.run("DELETE FROM stream_frames WHERE stream = ? AND sequence <= ?", stream.pk, sequence);
}

/** Ends the epoch: nothing is accepted before the next one (protocol 20.6). */
export function faultStream(context: BrainContext, stream: StreamRecord): void {
  context.db.run("UPDATE streams SET state = 'faulted' WHERE pk = ?", stream.pk);
}

function streamRecord(row: SqlRow): StreamRecord {
  return {
    pk: requiredNumber(row, "pk"),
    project: requiredNumber(row, "project"),
    owner: requiredText(row, "owner"),
    streamId: requiredText(row, "stream_id"),
    agent: requiredNumber(row, "agent"),
    adapterInstanceId: requiredText(row, "adapter_instance_id"),
    epochUuid: requiredText(row, "epoch_uuid"),
    epochNumber: requiredNumber(row, "epoch_number"),
    generation: requiredText(row, "session_generation"),
    sequence: requiredNumber(row, "sequence"),
    state: requiredText(row, "state") as StreamRecord["state"],
  };
}
