import type { StoredEntry } from "../buffer/port.ts";

/** What is remembered of a batch on its way to the brain. */
export interface Batch {
  /** Frame id; the ack names it. */
  readonly id: string;
  /** `stored` comes from the buffer, `schedule` from a stream, `probe` is empty. */
  readonly origin: "stored" | "schedule" | "probe";
  /** Events in it. */
  readonly count: number;
  /** Size of the payload in bytes. */
  readonly bytes: number;
  /** Row ids of a stored batch, 0 otherwise. */
  readonly firstId: number;
  /** Row ids of a stored batch, 0 otherwise. */
  readonly lastId: number;
  /** The entry, when the batch holds just one. */
  readonly only: StoredEntry | null;
  /** When the first event of a stored batch occurred, Unix milliseconds. */
  readonly oldestMs?: number | null;
  /** Told how it ended. */
  readonly settle: ((outcome: "acked" | "lost") => void) | null;
}

/** A batch with all that its frame needs. */
export interface LoadedBatch extends Batch {
  /** Payload of the frame. */
  readonly payloadText: string;
}

/** A batch with its times. */
export interface Flight {
  readonly batch: Batch;
  /** Monotonic milliseconds of the last sending. */
  readonly sentAtMs: number;
  /** How often it was sent again. */
  readonly resends: number;
}

/** Unacknowledged batches of one session in the order of sending. */
export interface InFlight {
  /** Batches. */
  readonly size: number;
  /** Events of all batches. */
  readonly events: number;
  /** Bytes of all batches. */
  readonly bytes: number;
  /** Notes a sending, also a repeated one. */
  sent(batch: Batch, nowMs: number): void;
  /** Removes and answers a batch. */
  take(id: string): Flight | undefined;
  /** All, oldest first. */
  all(): readonly Flight[];
  /** Forgets all; answers them oldest first. */
  clear(): readonly Flight[];
}

/** Creates an empty window. */
export function createInFlight(): InFlight {
  return new Window();
}

class Window implements InFlight {
  readonly #flights = new Map<string, Flight>();
  #events = 0;
  #bytes = 0;

  get size(): number {
    return this.#flights.size;
  }

  get events(): number {
    return this.#events;
  }

  get bytes(): number {
    return this.#bytes;
  }

  sent(batch: Batch, nowMs: number): void {
    const before = this.#flights.get(batch.id);
    if (before === undefined) {
      this.#events += batch.count;
      this.#bytes += batch.bytes;
    }
    const resends = before === undefined ? 0 : before.resends + 1;
    this.#flights.set(batch.id, { batch, sentAtMs: nowMs, resends });
  }

  take(id: string): Flight | undefined {
    const flight = this.#flights.get(id);
    if (flight === undefined) return undefined;
    this.#flights.delete(id);
    this.#events -= flight.batch.count;
    this.#bytes -= flight.batch.bytes;
    return flight;
  }

  all(): readonly Flight[] {
    return [...this.#flights.values()];
  }

  clear(): readonly Flight[] {
    const flights = this.all();
    this.#flights.clear();
    this.#events = this.#bytes = 0;
    return flights;
  }
}
