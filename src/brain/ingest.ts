import type { CancelTimer } from "../base/clock.ts";
import { Z4jError } from "../base/errors.ts";
import type { JsonValue } from "../base/json.ts";
import { touchAgent } from "./agents.ts";
import type { BrainContext } from "./context.ts";
import { type IngestEvent, parseEvent } from "./event_input.ts";
import {
  type ExternalVerdict,
  isLegacyScheduleEvent,
  isScheduleProjection,
} from "./external_input.ts";
import { type EventSource, IngestUnit, type Tally } from "./ingest_unit.ts";
import { isContentError } from "./sqlite_errors.ts";
import type { ChangeTopic } from "./store.ts";

/** A batch of events and who sent it. */
export interface IngestBatch extends EventSource {
  readonly events: readonly JsonValue[];
  /** Applies sequenced schedule events inside the transaction (protocol 20). */
  readonly external?: ((event: JsonValue) => ExternalVerdict) | undefined;
}

/** What became of a batch. Only `stored` is acknowledged. */
export type BatchOutcome =
  | {
    readonly kind: "stored";
    readonly received: number;
    readonly accepted: number;
    readonly rejected: number;
  }
  /** Holds an unsequenced schedule event: error frame, no ack (protocol 16.3). */
  | { readonly kind: "upgrade_required" }
  /** An external projection is incomplete or out of order: no ack (protocol 20.6). */
  | { readonly kind: "withheld" }
  /** The agent is revoked or its project archived. */
  | { readonly kind: "revoked" };

/** A batch on its way through a transaction; `accepted` is known after the flush. */
interface Taken extends Tally {
  received: number;
  special: BatchOutcome | null;
}

interface Waiting {
  readonly batch: IngestBatch;
  readonly resolve: (outcome: BatchOutcome) => void;
  readonly reject: (error: unknown) => void;
}

// A group is what one event loop turn may block for; events, about 25 µs each.
const GROUP_EVENTS = 2000;

/** Stores batches durably; batches that queue up share one commit. */
export class Ingestor {
  readonly #context: BrainContext;
  readonly #redact: (event: JsonValue) => JsonValue;
  readonly #onOnline: () => void;
  #waiting: Waiting[] = [];
  #waitingEvents = 0;
  #cancel: CancelTimer | undefined;

  /** Takes the redaction to run on arrival, and who to tell of activity. */
  constructor(
    context: BrainContext,
    redact: (event: JsonValue) => JsonValue,
    onOnline: () => void,
  ) {
    this.#context = context;
    this.#redact = redact;
    this.#onOnline = onOnline;
  }

  /**
   * Queues a batch. Resolves after its commit; rejects, with nothing stored,
   * when the database is in trouble.
   */
  submit(batch: IngestBatch): Promise<BatchOutcome> {
    if (this.#context.db.closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      this.#waitingEvents += batch.events.length;
      if (this.#waitingEvents >= GROUP_EVENTS) this.flush();
      else this.#cancel ??= this.#context.clock.setTimer(() => this.flush(), 0);
    });
  }

  /** Commits whatever waits. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const group = this.#waiting;
    this.#waiting = [];
    this.#waitingEvents = 0;
    if (group.length === 0) return;
    if (this.#context.db.closed) {
      for (const { reject } of group) reject(closedError());
      return;
    }
    if (!this.#commitGroup(group)) { for (const one of group) this.#commitAlone(one); }
    this.#onOnline();
  }

  #commitGroup(group: readonly Waiting[]): boolean {
    try {
      const taken = this.#write((unit) => group.map(({ batch }) => this.#store(batch, unit)));
      group.forEach(({ resolve }, index) => {
        const one = taken[index];
        if (one !== undefined) resolve(outcomeOf(one));
      });
      return true;
    } catch (error) {
      this.#context.logger.warn(
        { error: String(error) },
        "A commit failed, its batches are retried",
      );
      return false;
    }
  }

  #commitAlone({ batch, resolve, reject }: Waiting): void {
    try {
      resolve(outcomeOf(this.#write((unit) => this.#store(batch, unit))));
    } catch (error) {
      if (!isContentError(error)) return reject(error);
      this.#commitOneByOne(batch, resolve, reject);
    }
  }

  /** Keeps the good events of a batch that holds one SQLite refuses. */
  #commitOneByOne(
    batch: IngestBatch,
    resolve: Waiting["resolve"],
    reject: Waiting["reject"],
  ): void {
    try {
      resolve(outcomeOf(this.#write(() => this.#store(batch, null))));
    } catch (error) {
      reject(error);
    }
  }

  #write<T>(work: (unit: IngestUnit) => T): T {
    const topics = new Set<ChangeTopic>(["agents"]);
    const value = this.#context.db.transaction(() => {
      const unit = new IngestUnit(this.#context, this.#context.clock.now());
      const result = work(unit);
      for (const topic of unit.flush()) topics.add(topic);
      return result;
    });
    this.#context.changes.changed(...topics);
    return value;
  }

  #store(batch: IngestBatch, unit: IngestUnit | null): Taken {
    const nowMs = this.#context.clock.now();
    const taken: Taken = { received: 0, accepted: 0, special: null };
    if (!touchAgent(this.#context.db, batch.agent, nowMs)) {
      taken.special = { kind: "revoked" };
      return taken;
    }
    for (const raw of batch.events) {
      if (taken.received === this.#context.limits.eventsPerBatch) break;
      taken.received++;
      this.#storeOne(batch, unit, raw, taken);
    }
    return taken;
  }

  #storeOne(batch: IngestBatch, unit: IngestUnit | null, raw: JsonValue, taken: Taken): void {
    if (isScheduleProjection(raw)) {
      const verdict = batch.external?.(raw) ?? "withheld";
      if (verdict === "accepted") taken.accepted++;
      if (verdict === "withheld") taken.special ??= { kind: "withheld" };
      return;
    }
    if (isLegacyScheduleEvent(raw)) {
      taken.special = { kind: "upgrade_required" };
      return;
    }
    const event = parseEvent(this.#redact(raw), this.#context.clock.now());
    if (event === null) return;
    if (unit !== null) unit.add(batch, event, taken);
    else this.#storeGuarded(batch, event, taken);
  }

  #storeGuarded(batch: IngestBatch, event: IngestEvent, taken: Taken): void {
    const tally: Tally = { accepted: 0 };
    try {
      this.#context.db.savepoint(() => {
        const unit = new IngestUnit(this.#context, this.#context.clock.now());
        unit.add(batch, event, tally);
        unit.flush();
      });
      taken.accepted += tally.accepted;
    } catch (error) {
      if (!isContentError(error)) throw error;
    }
  }
}

function outcomeOf({ received, accepted, special }: Taken): BatchOutcome {
  return special ?? { kind: "stored", received, accepted, rejected: received - accepted };
}

function closedError(): Z4jError {
  return new Z4jError("Z4J_BRAIN_STORE", "Cannot store events: the brain is closed");
}
