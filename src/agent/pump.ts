import type { CancelTimer, Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { EventBuffer, ReadLimits, StoredEntry } from "../buffer/port.ts";
import type { SessionEnd, SessionTerms } from "../transport/port.ts";
import { type BatchPacer, createBatchPacer } from "./batch_pacer.ts";
import {
  EVENTS_FRAME_BYTES,
  isLoaded,
  probeBatch,
  reloaded,
  scheduleBatch,
  storedBatch,
  unloaded,
} from "./batches.ts";
import { fitEntry } from "./fit_entry.ts";
import { createOnceLogger, type OnceLogger } from "./guard.ts";
import {
  type Batch,
  createInFlight,
  type Flight,
  type InFlight,
  type LoadedBatch,
} from "./in_flight.ts";
import {
  ACK_DEADLINE_MS,
  ATTENDED_MS,
  BLAMING_CODES,
  FRAME_ENVELOPE_BYTES,
  MAX_BATCH_BYTES,
  MAX_IN_FLIGHT,
  MAX_IN_FLIGHT_BYTES,
  PROBE_AFTER_MS,
  PROBE_DEADLINE_MS,
} from "./limits.ts";
import { createPoisonWatch, type PoisonWatch } from "./poison.ts";
import type { PublishOutcome, SchedulePublisher } from "./schedule_stream_port.ts";

/** What a pump is made of. */
export interface PumpParts {
  /** Where events wait. */
  readonly buffer: EventBuffer;
  /** Time source. */
  readonly clock: Clock;
  /** Where it tells what it had to give up. */
  readonly logger: Logger;
  /** Told about each ack and the batch that it is for. */
  readonly acked?: ((flight: Flight) => void) | undefined;
}

/** What a pump asks of the session that it serves. */
export interface PumpHost {
  /** There may be something to send. */
  wake(): void;
  /** The first ack arrived: secret and clock are right. */
  verified(): void;
  /** The session is dead or stuck and should end. */
  giveUp(advice: string): void;
}

/** Counters of a pump. */
export interface PumpCounters {
  /** Events handed to a socket, repetitions included. */
  readonly sent: number;
  /** Events that the brain acknowledged. */
  readonly acked: number;
  /** Batches without an ack. */
  readonly batchesInFlight: number;
}

/**
 * Moves stored events to the brain in batches and removes them once their
 * `event_batch_ack` arrives (protocol section 15).
 */
export interface Pump extends SchedulePublisher {
  /** A session began: everything unacknowledged is sent again. */
  begin(terms: SessionTerms, host: PumpHost): void;
  /** The session ended. */
  end(end: SessionEnd): void;
  /** The next batch to sign and send, or `null` when nothing may go now. */
  next(): Promise<LoadedBatch | null>;
  /** The batch was handed to the socket. */
  sent(batch: LoadedBatch): void;
  /** An `event_batch_ack` arrived. */
  acked(frameId: string): void;
  /** A batch that the brain will never take (protocol section 16.3). */
  refused(frameId: string): void;
  /** Something valid arrived: the session lives. */
  heard(): void;
  /** A command arrived: for a while, answers must not wait behind long batches. */
  attend(): void;
  /** Calls back after each ack; answers the remover. */
  onAcked(listener: () => void): () => void;
  /** What happened so far. */
  counters(): PumpCounters;
}

/** Creates a pump that waits for its first session. */
export function createPump(parts: PumpParts): Pump {
  return new BufferPump(parts);
}

interface Session {
  readonly host: PumpHost;
  readonly maxBytes: number;
  probed: boolean;
  verified: boolean;
  cursor: number;
  lastHeardMs: number;
  lastAckMs: number;
}

interface Publication {
  readonly events: readonly string[];
  readonly resolve: (outcome: PublishOutcome) => void;
}

class BufferPump implements Pump {
  readonly #parts: PumpParts;
  readonly #notices: OnceLogger;
  readonly #pacer: BatchPacer = createBatchPacer();
  readonly #flights: InFlight = createInFlight();
  readonly #poison: PoisonWatch = createPoisonWatch();
  readonly #ackListeners = new Set<() => void>();
  #session: Session | undefined;
  #publications: Publication[] = [];
  #repeats: Batch[] = [];
  #cancelTimer: CancelTimer = () => {};
  #attendedUntilMs = -Infinity;
  #sent = 0;
  #acked = 0;

  constructor(parts: PumpParts) {
    this.#parts = parts;
    this.#notices = createOnceLogger(parts.logger);
    parts.buffer.onStored(() => this.#session?.host.wake());
  }

  begin(terms: SessionTerms, host: PumpHost): void {
    const now = this.#parts.clock.monotonic();
    const maxBytes = terms.maxFrameBytes - FRAME_ENVELOPE_BYTES;
    this.#poison.begin(now);
    const session: Session = {
      host,
      maxBytes,
      probed: false,
      verified: false,
      cursor: 0,
      lastHeardMs: now,
      lastAckMs: now,
    };
    this.#session = session;
    this.#arm(session);
  }

  end(end: SessionEnd): void {
    const isVerified = this.#session?.verified === true;
    this.#session = undefined;
    this.#cancelTimer();
    this.#repeats = [];
    const flights = this.#flights.clear();
    if (BLAMING_CODES.has(end.code ?? 0)) this.#blame(flights, isVerified);
    for (const flight of flights) flight.batch.settle?.("lost");
    for (const publication of this.#publications.splice(0)) publication.resolve("lost");
  }

  async next(): Promise<LoadedBatch | null> {
    const session = this.#session;
    if (session === undefined) return null;
    const repeat = this.#repeats.shift();
    const again = repeat === undefined ? null : await this.#load(session, repeat);
    if (again !== null) return again;
    if (!session.probed) {
      // Its ack proves secret and clock, whether or not there are events.
      session.probed = true;
      return probeBatch();
    }
    const publication = this.#publications.shift();
    if (publication !== undefined) return scheduleBatch(publication.events, publication.resolve);
    // A bad event is only blamed on a session that has proven to work before.
    if (this.#pacer.careful && !session.verified) return null;
    return this.#isWindowFull() ? null : await this.#read(session);
  }

  sent(batch: LoadedBatch): void {
    // Nobody would acknowledge it any more; what is stored is sent again.
    if (this.#session === undefined) return batch.settle?.("lost");
    this.#flights.sent(unloaded(batch), this.#parts.clock.monotonic());
    if (batch.origin === "stored") this.#sent += batch.count;
    this.#arm(this.#session);
  }

  acked(id: string): void {
    const session = this.#session;
    const flight = this.#flights.take(id);
    // Unknown, repeated and late acks change nothing.
    if (session === undefined || flight === undefined) return;
    this.#measure(session, flight);
    this.#parts.acked?.(flight);
    const { batch } = flight;
    if (batch.origin === "stored") {
      this.#parts.buffer.removeRange(batch.firstId, batch.lastId);
      this.#pacer.passed(batch.lastId);
      this.#acked += batch.count;
      const held = this.#poison.proven();
      if (held !== null) this.#repeats.push(storedBatch(held, []));
    }
    batch.settle?.("acked");
    if (!session.verified) {
      session.verified = true;
      session.host.verified();
    }
    for (const listener of [...this.#ackListeners]) listener();
    this.#arm(session);
    session.host.wake();
  }

  refused(id: string): void {
    const flight = this.#flights.take(id);
    if (flight === undefined) return;
    const { batch } = flight;
    batch.settle?.("lost");
    if (batch.origin !== "stored") return;
    if (batch.only !== null) return this.#discard(batch.only, "the brain refused it");
    this.#pacer.suspect(batch);
    this.#session?.host.giveUp("the brain refused a batch of events; it is sent in smaller parts");
  }

  heard(): void {
    if (this.#session !== undefined) this.#session.lastHeardMs = this.#parts.clock.monotonic();
  }

  attend(): void {
    this.#attendedUntilMs = this.#parts.clock.monotonic() + ATTENDED_MS;
  }

  publish(events: readonly string[]): Promise<PublishOutcome> {
    const session = this.#session;
    if (session === undefined) return Promise.resolve("lost");
    return new Promise((resolve) => {
      this.#publications.push({ events, resolve });
      session.host.wake();
    });
  }

  onAcked(listener: () => void): () => void {
    this.#ackListeners.add(listener);
    return () => void this.#ackListeners.delete(listener);
  }

  counters(): PumpCounters {
    return { sent: this.#sent, acked: this.#acked, batchesInFlight: this.#flights.size };
  }

  #isWindowFull(): boolean {
    const flights = this.#flights;
    return flights.size >= MAX_IN_FLIGHT || flights.bytes >= MAX_IN_FLIGHT_BYTES ||
      (flights.events > 0 && flights.events >= this.#pacer.windowEvents());
  }

  async #read(session: Session): Promise<LoadedBatch | null> {
    this.#pacer.attended = this.#parts.clock.monotonic() < this.#attendedUntilMs;
    const maxCount = this.#pacer.batchEvents();
    const maxBytes = Math.min(session.maxBytes, MAX_BATCH_BYTES);
    const limits = { maxCount, maxBytes: Math.max(1, maxBytes - maxCount) };
    for (;;) {
      const entries = await this.#readStored(session.cursor, limits);
      const last = entries.at(-1);
      if (last === undefined || session !== this.#session) return null;
      const usable = this.#beforeHeld(entries);
      session.cursor = usable.at(-1)?.id ?? this.#poison.heldId;
      const [first, ...rest] = usable.flatMap((entry) => this.#fitted(entry, session.maxBytes));
      if (first !== undefined) return storedBatch(first, rest);
    }
  }

  // Part of it may have been evicted meanwhile, or cannot be read now: what is
  // acknowledged must be what was sent, so its range is read anew from the start.
  async #load(session: Session, batch: Batch): Promise<LoadedBatch | null> {
    if (isLoaded(batch)) return batch;
    const limits = { maxCount: batch.count, maxBytes: batch.bytes };
    const entries = await this.#readStored(batch.firstId - 1, limits);
    const fitting = entries.flatMap((entry) => this.#fitted(entry, session.maxBytes));
    const again = reloaded(batch, fitting);
    if (again !== null || session !== this.#session) return again;
    this.#flights.take(batch.id);
    session.cursor = Math.min(session.cursor, batch.firstId - 1);
    return null;
  }

  // A batch is removed by its range of ids, so it must not span the held event.
  #beforeHeld(entries: readonly StoredEntry[]): readonly StoredEntry[] {
    const at = entries.findIndex(({ id }) => id === this.#poison.heldId);
    return at === -1 ? entries : entries.slice(0, at);
  }

  async #readStored(afterId: number, limits: ReadLimits): Promise<readonly StoredEntry[]> {
    try {
      return await this.#parts.buffer.read(afterId, limits);
    } catch (error) {
      // The next wake, at the latest the next heartbeat, tries again.
      this.#notices.warn("read", { error: errorText(error) }, "stored events cannot be read now");
      return [];
    }
  }

  #fitted(entry: StoredEntry, maxBytes: number): readonly StoredEntry[] {
    const fitting = fitEntry(entry, maxBytes - EVENTS_FRAME_BYTES);
    if (fitting !== null) return [fitting];
    this.#discard(entry, "it is larger than the brain's frame limit");
    return [];
  }

  #discard(entry: StoredEntry, reason: string): void {
    this.#parts.buffer.discard(entry, "content");
    this.#notices.warn(reason, { kind: entry.kind, bytes: entry.bytes, reason }, "event dropped");
  }

  #measure(session: Session, flight: Flight): void {
    const now = this.#parts.clock.monotonic();
    session.lastHeardMs = now;
    const since = Math.max(flight.sentAtMs, session.lastAckMs);
    session.lastAckMs = now;
    this.#pacer.measured({ count: flight.batch.count, serviceMs: now - since });
  }

  // The brain takes frames in order, so the oldest batch is the likely culprit;
  // once careful, it is the only one on its way.
  #blame(flights: readonly Flight[], verified: boolean): void {
    const stored = flights.filter(({ batch }) => batch.origin === "stored");
    const onTrial = stored.find(({ batch }) => batch.only?.id === this.#poison.trialId);
    const batch = (onTrial ?? stored[0])?.batch;
    if (batch === undefined) return;
    this.#poison.suspected(!this.#pacer.careful);
    this.#pacer.suspect(batch);
    if (!verified || batch.only === null) return;
    const verdict = this.#poison.failed(batch.only, this.#parts.clock.monotonic());
    if (verdict === "try_again") return;
    if (verdict === "drop") this.#discard(batch.only, ENDS_SESSIONS);
    if (verdict !== "blame_brain") this.#pacer.passed(batch.lastId);
  }

  #arm(session: Session): void {
    this.#cancelTimer();
    const due = this.#dueAt(session);
    const delay = Math.max(0, due - this.#parts.clock.monotonic());
    this.#cancelTimer = this.#parts.clock.setTimer(() => this.#overdue(session), delay);
  }

  #dueAt(session: Session): number {
    if (this.#flights.size === 0) return session.lastHeardMs + PROBE_AFTER_MS;
    return Math.min(...this.#flights.all().map(deadlineOf));
  }

  #overdue(session: Session): void {
    const now = this.#parts.clock.monotonic();
    if (this.#flights.size === 0) {
      if (session.lastHeardMs + PROBE_AFTER_MS > now) return this.#arm(session);
      // An idle brain says nothing unasked; an empty batch makes it answer.
      this.#repeats.push(probeBatch());
      return session.host.wake();
    }
    for (const flight of this.#flights.all()) {
      if (deadlineOf(flight) > now || this.#repeats.includes(flight.batch)) continue;
      const silent = session.lastHeardMs < flight.sentAtMs;
      // On a thin line the next try must be smaller, or none would ever arrive.
      this.#pacer.measured({ count: flight.batch.count, serviceMs: now - flight.sentAtMs });
      if (silent || flight.resends > 0 || flight.batch.origin !== "stored") {
        return session.host.giveUp("the brain did not acknowledge a batch in time");
      }
      this.#repeats.push(flight.batch);
    }
    // Timers may ring a moment early; without another one nobody would look again.
    if (this.#repeats.length === 0) return this.#arm(session);
    session.host.wake();
  }
}

const ENDS_SESSIONS = "it ended the session each time it was sent";

function deadlineOf(flight: Flight): number {
  const allowed = flight.batch.origin === "probe" ? PROBE_DEADLINE_MS : ACK_DEADLINE_MS;
  return flight.sentAtMs + allowed;
}
