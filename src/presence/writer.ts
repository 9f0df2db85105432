import type { CancelTimer, Clock } from "../base/clock.ts";
import type { OwnerLock } from "../buffer/owner_lock.ts";
import type { PresenceFolder } from "./folder.ts";
import { CHANGE_MS, REFRESH_MS } from "./limits.ts";
import type { AgentPresence } from "./record.ts";

/** A record before the writer stamps it. */
export type PresenceDraft = Omit<AgentPresence, "id" | "updatedAtMs">;

/** Keeps the file of this process up to date. */
export interface PresenceWriter {
  /** Writes soon: at once, or a second after the last write. */
  changed(): void;
  /** Writes now. */
  writeNow(): Promise<void>;
  /** Writes no more and removes the file. */
  close(): Promise<void>;
}

/** What a writer is made of. */
export interface WriterParts {
  readonly id: string;
  readonly folder: PresenceFolder;
  readonly lock: OwnerLock;
  readonly clock: Clock;
  /** The record as it is now. */
  readonly draft: () => PresenceDraft;
  /** Called at each refresh, before the record is built. Must not reject. */
  readonly refreshed: () => Promise<void>;
}

/** Begins to keep a file; failures to write are left to the next turn. */
export function createPresenceWriter(parts: WriterParts): PresenceWriter {
  return new Writer(parts);
}

class Writer implements PresenceWriter {
  readonly #parts: WriterParts;
  #turn: CancelTimer = () => {};
  #pending: CancelTimer | null = null;
  #writing: Promise<void> = Promise.resolve();
  #writtenAtMs = -Infinity;
  #text = "";
  #closed = false;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#schedule();
  }

  changed(): void {
    if (this.#closed || this.#pending !== null) return;
    const { clock } = this.#parts;
    const waitMs = Math.max(0, this.#writtenAtMs + CHANGE_MS - clock.monotonic());
    this.#pending = clock.setTimer(() => {
      this.#pending = null;
      void this.writeNow();
    }, waitMs);
  }

  writeNow(): Promise<void> {
    return this.#writing = this.#writing.then(() => this.#write());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#turn();
    this.#pending?.();
    await this.#writing;
    try {
      await this.#parts.folder.remove(this.#parts.id);
    } catch {
      // Without its lock the file counts as left behind; the next reader sweeps it.
    }
    this.#parts.lock.release();
  }

  #schedule(): void {
    this.#turn = this.#parts.clock.setTimer(() => void this.#refresh(), REFRESH_MS);
  }

  async #refresh(): Promise<void> {
    await this.#parts.refreshed();
    await this.writeNow();
    if (!this.#closed) this.#schedule();
  }

  async #write(): Promise<void> {
    if (this.#closed) return;
    const { id, folder, lock, clock, draft } = this.#parts;
    this.#writtenAtMs = clock.monotonic();
    try {
      const record = draft();
      const text = JSON.stringify(record);
      if (text === this.#text) return;
      lock.renew();
      await folder.write({ ...record, id, updatedAtMs: clock.now() });
      this.#text = text;
    } catch {
      // A full disk or a folder that went away: figures that nobody sees harm nobody.
    }
  }
}
