import type { CancelTimer, Clock } from "../base/clock.ts";
import { systemClock, withDeadline } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import { createListeners } from "../base/listeners.ts";
import { noopLogger, safeLogger } from "../base/logger.ts";
import type { Logger } from "../base/logger.ts";
import type { MaybePromise } from "../base/maybe_promise.ts";
import { once } from "../base/once.ts";
import { totalOf } from "../base/total.ts";
import { closedError } from "./failures.ts";
import { createGroupWindow } from "./group_window.ts";
import { CLOSE_STEP_MS, GROUP_LIMITS, STORAGE_BACKOFF } from "./limits.ts";
import { Pending } from "./pending.ts";
import type { Group } from "./pending.ts";
import type {
  Durability,
  EventBuffer,
  EventStore,
  LossByKind,
  LossCounts,
  LossReason,
  NewEntry,
  ReadLimits,
  StoreCapabilities,
  StoredEntry,
  StoreDepth,
} from "./port.ts";
import { createRemovals } from "./removals.ts";
import type { Removals } from "./removals.ts";
import { createTally } from "./tally.ts";
import type { Tally } from "./tally.ts";
import { createWriteTrouble } from "./write_trouble.ts";
import type { TroubleText, WriteTrouble } from "./write_trouble.ts";

/** What `createGroupedBuffer` needs. */
export interface GroupedBufferOptions {
  /** Where the events go; the buffer closes it. */
  readonly store: EventStore;
  /** Time and timers. Default: those of the process. */
  readonly clock?: Clock;
  /** When an event is on disk. Default: `"group"`. */
  readonly durability?: Durability;
  /** Where trouble with the disk is told. Default: nowhere. */
  readonly logger?: Logger;
  /** A number in [0, 1) for the jitter of retries. Default: `Math.random`. */
  readonly random?: () => number;
  /** Called once when closing begins, before anything is written. */
  readonly onClosing?: () => void;
  /** Called once when the store is closed. */
  readonly onClosed?: () => void | Promise<void>;
}

/** An event buffer that writes in groups. */
export interface GroupedBuffer extends EventBuffer {
  /** How long a group waits after its first event now, in milliseconds. */
  readonly windowMs: number;
  /** Whether the store refused the last write, so that events wait in memory. */
  readonly troubled: boolean;
}

/**
 * Creates the agent's side of a store. A group is committed 20 ms after its
 * first event, or at once when it reaches 1 000 events or 1 MiB; where commits
 * are slow the window stretches up to 500 ms (design 5.5).
 *
 * While the store refuses writes, up to 10 000 events (16 MiB) wait in memory
 * and the write is tried again after 0.25 to 5 s; what does not fit is counted
 * as lost with the reason `storage`.
 *
 * @example
 * ```ts
 * import { createGroupedBuffer, createMemoryStore } from "@z4j/core/buffer";
 * import { equal } from "node:assert/strict";
 *
 * const buffer = createGroupedBuffer({ store: createMemoryStore() });
 * buffer.push({ text: "{}", bytes: 2, kind: "task.started", class: "progress" });
 * await buffer.settled();
 * equal((await buffer.read(0, { maxCount: 10, maxBytes: 1_000 })).length, 1);
 * await buffer.close();
 * ```
 */
export function createGroupedBuffer(options: GroupedBufferOptions): GroupedBuffer {
  return new StoreBuffer(options);
}

const WRITE_TEXT: TroubleText = {
  failed: "Events wait in memory: the buffer refused a write",
  recovered: "The buffer takes events again",
};
const REMOVAL_TEXT: TroubleText = {
  failed: "Delivered events stay in the buffer for now: it refused to remove them",
  recovered: "Delivered events leave the buffer again",
};

interface Waiter {
  readonly target: number;
  readonly resolve: () => void;
}

class StoreBuffer implements GroupedBuffer {
  readonly #store: EventStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #sync: boolean;
  readonly #options: GroupedBufferOptions;
  readonly #pending: Pending;
  readonly #window = createGroupWindow();
  readonly #trouble: WriteTrouble;
  readonly #removals: Removals;
  readonly #stored = createListeners<void>((error) => this.#listenerFailed(error));
  readonly #losses: Readonly<Record<LossReason, Tally>> = {
    capacity: createTally(),
    storage: createTally(),
    content: createTally(),
    closed: createTally(),
  };
  #waiters: Waiter[] = [];
  #timer: CancelTimer | null = null;
  #writing: Promise<void> | null = null;
  #appending = false;
  #flushQueued = false;
  #lostWhileTroubled = 0;
  #closed = false;

  constructor(options: GroupedBufferOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock ?? systemClock;
    this.#logger = safeLogger(options.logger ?? noopLogger);
    this.#sync = options.durability === "sync";
    this.#pending = new Pending((entry) => this.#lostToStorage(entry));
    const trouble = (text: TroubleText): WriteTrouble =>
      createWriteTrouble(
        this.#logger,
        options.random ?? Math.random,
        this.capabilities.path,
        text,
      );
    this.#trouble = trouble(WRITE_TEXT);
    this.#removals = createRemovals(this.#store, this.#clock, trouble(REMOVAL_TEXT));
  }

  get capabilities(): StoreCapabilities {
    return this.#store.capabilities;
  }

  get storeId(): string {
    return this.#store.storeId;
  }

  get windowMs(): number {
    return this.#sync ? 0 : this.#window.ms;
  }

  get troubled(): boolean {
    return this.#trouble.active;
  }

  push(entry: NewEntry): void {
    if (this.#closed) return this.#losses.closed.add(entry.kind);
    this.#pending.push(entry);
    this.#schedule();
  }

  settled(): Promise<void> {
    const target = this.#pending.lastId;
    if (this.#pending.firstId > target) return Promise.resolve();
    this.#flushSoon();
    return new Promise((resolve) => this.#waiters.push({ target, resolve }));
  }

  async read(afterId: number, limits: ReadLimits): Promise<readonly StoredEntry[]> {
    if (this.#closed) return [];
    try {
      return await this.#store.read(afterId, limits);
    } catch (error) {
      this.#readFailed(error);
      return [];
    }
  }

  removeRange(firstId: number, lastId: number): void {
    if (!this.#closed) this.#removals.add(firstId, lastId);
  }

  discard(entry: StoredEntry, reason: LossReason): void {
    this.#losses[reason].add(entry.kind);
    this.removeRange(entry.id, entry.id);
  }

  depth(): StoreDepth {
    const [stored, waiting] = [this.#store.depth(), this.#pending.depth()];
    return { count: stored.count + waiting.count, bytes: stored.bytes + waiting.bytes };
  }

  losses(): LossCounts {
    const { capacity, content, closed } = this.#losses;
    const storage = createTally(this.#losses.storage.snapshot());
    storage.addAll(this.#store.damaged?.() ?? {});
    return {
      ...{ capacity: capacity.snapshot(), storage: storage.snapshot() },
      ...{ content: content.snapshot(), closed: closed.snapshot() },
    };
  }

  storedLosses(): LossByKind {
    return this.#store.losses();
  }

  onStored(listener: () => void): () => void {
    return this.#stored.add(listener);
  }

  async getMeta(key: string): Promise<string | null> {
    const waiting = this.#pending.metaOf(key);
    if (waiting !== undefined) return waiting;
    if (this.#closed) throw closedError("read");
    return await this.#store.getMeta(key);
  }

  setMeta(key: string, value: string | null): Promise<void> {
    const result = new Promise<void>((resolve, reject) => {
      if (this.#closed) return reject(closedError("write to"));
      const done = (error?: unknown): void => error === undefined ? resolve() : reject(error);
      this.#pending.pushMeta({ key, value, done });
    });
    // A caller that does not wait must not end its process by a rejection.
    result.catch(() => {});
    if (!this.#closed) this.#schedule();
    return result;
  }

  readonly close: () => Promise<void> = once(async () => {
    this.#options.onClosing?.();
    this.#closed = true;
    this.#stopTimer();
    await withDeadline(this.#clock, this.#writeRest(), CLOSE_STEP_MS);
    this.#abandonRest();
    await withDeadline(this.#clock, this.#closeStore(), CLOSE_STEP_MS);
    // A store that waited for its disk in vain: what it held goes with the process.
    const unsaved = this.#store.unsaved?.() ?? {};
    this.#losses.storage.addAll(unsaved);
    this.#tellLost(totalOf(unsaved));
    await this.#options.onClosed?.();
  });

  /** Sees to it that what waits is written in time. */
  #schedule(): void {
    if (this.#isWriting() || this.#closed) return;
    if (this.#trouble.active) return this.#startTimer(STORAGE_BACKOFF.capMs);
    if (this.#sync || this.#pending.fills(GROUP_LIMITS)) return this.#flush();
    this.#startTimer(this.#window.ms);
  }

  /** The timer of the first event stands; later ones join its group. */
  #startTimer(delayMs: number): void {
    this.#timer ??= this.#clock.setTimer(() => {
      this.#timer = null;
      this.#flush();
    }, delayMs);
  }

  #stopTimer(): void {
    this.#timer?.();
    this.#timer = null;
  }

  /**
   * Somebody waits: write after this turn of the loop, so that everybody of
   * this turn shares the sync, and without a timer, because an unref'd timer
   * would let the process end under the waiter.
   */
  #flushSoon(): void {
    if (this.#flushQueued) return;
    this.#flushQueued = true;
    queueMicrotask(() => {
      this.#flushQueued = false;
      if (!this.#trouble.active) this.#flush();
    });
  }

  #flush(): void {
    if (this.#isWriting() || this.#pending.empty) return;
    this.#stopTimer();
    const group = this.#pending.take(GROUP_LIMITS);
    const startedAt = this.#clock.monotonic();
    let outcome: MaybePromise<LossByKind>;
    try {
      outcome = this.#append(group);
    } catch (error) {
      return this.#refused(error);
    }
    this.#window.observe(this.#clock.monotonic() - startedAt, group.entries.length);
    if (!(outcome instanceof Promise)) return this.#committed(group, outcome);
    this.#writing = outcome.then(
      (evicted) => this.#written(() => this.#committed(group, evicted)),
      (error) => this.#written(() => this.#refused(error)),
    );
  }

  #append({ entries, meta }: Group): MaybePromise<LossByKind> {
    const texts = entries.map(({ entry }) => entry);
    // A logger of the store may push: that must not start a second append.
    this.#appending = true;
    try {
      if (meta.length === 0) return this.#store.append(texts);
      return this.#store.append(texts, new Map(meta.map(({ key, value }) => [key, value])));
    } finally {
      this.#appending = false;
    }
  }

  #isWriting(): boolean {
    return this.#appending || this.#writing !== null;
  }

  #written(next: () => void): void {
    this.#writing = null;
    next();
  }

  #committed(group: Group, evicted: LossByKind): void {
    this.#losses.capacity.addAll(evicted);
    this.#pending.stored();
    this.#trouble.recovered({ lost: this.#lostWhileTroubled });
    this.#lostWhileTroubled = 0;
    this.#resolveWaiters();
    if (group.entries.length > 0) this.#stored.emit();
    if (this.#closed || this.#pending.empty || this.#writing !== null) return;
    if (this.#waiters.length > 0) return this.#flushSoon();
    // A timer, not a loop: a backlog must not hold the host for long.
    this.#startTimer(this.#pending.fills(GROUP_LIMITS) ? 0 : this.#window.ms);
  }

  #refused(error: unknown): void {
    const waitMs = this.#trouble.failed(error);
    this.#pending.refused();
    this.#resolveWaiters();
    if (this.#closed) return;
    this.#stopTimer();
    this.#startTimer(waitMs);
  }

  #lostToStorage(entry: NewEntry): void {
    this.#losses.storage.add(entry.kind);
    this.#lostWhileTroubled += 1;
    if (this.#waiters.length > 0) queueMicrotask(() => this.#resolveWaiters());
  }

  #resolveWaiters(): void {
    if (this.#waiters.length === 0) return;
    const first = this.#pending.firstId;
    const isDone = (waiter: Waiter): boolean => waiter.target < first;
    const done = this.#waiters.filter(isDone);
    this.#waiters = this.#waiters.filter((waiter) => !isDone(waiter));
    for (const { resolve } of done) resolve();
  }

  /** One attempt per group on the way out; the first refusal ends it. */
  async #writeRest(): Promise<void> {
    await this.#writing;
    while (!this.#pending.empty) {
      this.#flush();
      await this.#writing;
      if (this.#trouble.active) return;
    }
  }

  #abandonRest(): void {
    const lost = this.#pending.abandon(closedError("write to"));
    for (const { resolve } of this.#waiters.splice(0)) resolve();
    this.#tellLost(lost);
  }

  #tellLost(lost: number): void {
    if (lost === 0) return;
    this.#logger.warn({ lost }, "Events were lost at the end: the buffer refused to store them");
  }

  async #closeStore(): Promise<void> {
    try {
      await this.#removals.close();
      await this.#store.close();
    } catch (error) {
      this.#logger.warn({ reason: errorText(error) }, "The buffer could not be closed cleanly");
    }
  }

  /** The reader waits for `onStored`, so it is rung again after a while. */
  #readFailed(error: unknown): void {
    this.#logger.warn({ reason: errorText(error) }, "The buffer could not be read");
    this.#clock.setTimer(() => {
      if (!this.#closed) this.#stored.emit();
    }, STORAGE_BACKOFF.capMs);
  }

  #listenerFailed(error: unknown): void {
    this.#logger.warn({ reason: errorText(error) }, "A listener of the buffer failed");
  }
}
