import type { MaybePromise } from "../base/maybe_promise.ts";

/**
 * How dear an entry is when the store is full: `progress` goes first,
 * `terminal` (an outcome) later, `schedule` (sequenced streams) never.
 */
export type EntryClass = "progress" | "terminal" | "schedule";

/** One event on its way to the store. */
export interface NewEntry {
  /** Canonical JSON text of the event; stored and sent as it stands. */
  readonly text: string;
  /** Size of `text` in UTF-8 bytes. */
  readonly bytes: number;
  /** Wire kind, for loss accounting, for example `task.started`. */
  readonly kind: string;
  /** Eviction class. */
  readonly class: EntryClass;
}

/** One event as the store gives it back. Ids rise in the order of appending. */
export interface StoredEntry {
  /** Row id, rising. */
  readonly id: number;
  /** Canonical JSON text of the event. */
  readonly text: string;
  /** Size of `text` in UTF-8 bytes. */
  readonly bytes: number;
  /** Wire kind. */
  readonly kind: string;
}

/** How much a read may return; at least one entry comes if there is any. */
export interface ReadLimits {
  /** Most entries. */
  readonly maxCount: number;
  /** Most bytes of text in all. */
  readonly maxBytes: number;
}

/** What the store holds now. */
export interface StoreDepth {
  /** Entries. */
  readonly count: number;
  /** Bytes of their texts. */
  readonly bytes: number;
}

/** Entries that made room for others, counted by wire kind. */
export type LossByKind = Readonly<Record<string, number>>;

/** Small values to keep beside the entries; `null` removes one. */
export type MetaChanges = ReadonlyMap<string, string | null>;

/** What a store can promise. */
export interface StoreCapabilities {
  /** Which technique keeps the entries. */
  readonly kind: "memory" | "sqlite" | "deno-kv";
  /** Whether an append that returned survives a crash and a power loss. */
  readonly durable: boolean;
  /** The file, or `null` without one. */
  readonly path: string | null;
}

/** Bounds of a store; the oldest entries of the cheapest class go first. */
export interface StoreLimits {
  /** Most entries. Default 100 000. */
  readonly maxEvents: number;
  /** Most bytes of text. Default 256 MiB. */
  readonly maxBytes: number;
}

/**
 * Where events wait until the brain has them. An append is atomic: all of its
 * entries are stored, or none and it throws.
 */
export interface EventStore {
  /** What this store can promise. */
  readonly capabilities: StoreCapabilities;
  /** Identity of the file over its whole life; a UUID. */
  readonly storeId: string;
  /**
   * Stores entries in order and, in the same transaction, small values as
   * `setMeta` would; answers what was evicted for them.
   */
  append(entries: readonly NewEntry[], meta?: MetaChanges): MaybePromise<LossByKind>;
  /** The oldest entries with an id above `afterId`. Does not remove them. */
  read(afterId: number, limits: ReadLimits): MaybePromise<readonly StoredEntry[]>;
  /** Removes every entry with `firstId <= id <= lastId`. */
  removeRange(firstId: number, lastId: number): MaybePromise<void>;
  /** What the store holds now. */
  depth(): StoreDepth;
  /** Every entry evicted over the life of the file, by wire kind. */
  losses(): LossByKind;
  /** A small value kept beside the entries, or `null`. */
  getMeta(key: string): MaybePromise<string | null>;
  /** Keeps a small value beside the entries; `null` removes it. */
  setMeta(key: string, value: string | null): MaybePromise<void>;
  /** Closes; an empty file is removed. Calling it again does nothing. */
  close(): MaybePromise<void>;
  /**
   * What a close that failed to keep everything gave up, by wire kind. Default:
   * a close gives nothing up.
   */
  unsaved?(): LossByKind;
  /**
   * Entries of this process run that were found damaged and given up, by wire kind;
   * `unknown` where not even that could be read. Default: a store gives none up.
   */
  damaged?(): LossByKind;
}

/** Why an event was lost. */
export type LossReason =
  /** The store was full and older entries made room. */
  | "capacity"
  /** The store refused the write, for example on a full disk, or gave it back damaged. */
  | "storage"
  /** The event was larger than a frame, or the brain refused it. */
  | "content"
  /** It arrived after the buffer was closed. */
  | "closed";

/** Losses of this process run, by reason and wire kind. */
export type LossCounts = Readonly<Record<LossReason, LossByKind>>;

/** When an entry is on disk. */
export type Durability =
  /** Within one group commit of about 20 ms; `push` never waits. */
  | "group"
  /** Before `push` returns. */
  | "sync";

/**
 * The agent's side of a store: takes events without ever waiting or throwing,
 * writes them in groups, and counts what it could not keep.
 */
export interface EventBuffer {
  /** What the store underneath can promise. */
  readonly capabilities: StoreCapabilities;
  /** Identity of the file, for loss reports. */
  readonly storeId: string;
  /** Takes one event. Never throws, never waits. */
  push(entry: NewEntry): void;
  /**
   * Writes now; resolves once everything pushed so far is stored or counted as
   * lost. Callers of one turn of the event loop share a sync.
   */
  settled(): Promise<void>;
  /** The oldest stored entries above `afterId`. */
  read(afterId: number, limits: ReadLimits): Promise<readonly StoredEntry[]>;
  /** Removes delivered entries; may be carried out with the next group. */
  removeRange(firstId: number, lastId: number): void;
  /** Removes one entry that can never be delivered, and counts it. */
  discard(entry: StoredEntry, reason: LossReason): void;
  /** Entries stored and waiting to be stored. */
  depth(): StoreDepth;
  /** Losses of this process run. */
  losses(): LossCounts;
  /** Losses over the life of the file through eviction, by wire kind. */
  storedLosses(): LossByKind;
  /** Calls back after each group that became readable; answers the remover. */
  onStored(listener: () => void): () => void;
  /** A small value kept beside the entries, or `null`. */
  getMeta(key: string): Promise<string | null>;
  /** Keeps a small value beside the entries; `null` removes it. */
  setMeta(key: string, value: string | null): Promise<void>;
  /** Writes what is pending and closes. Calling it again does nothing. */
  close(): Promise<void>;
}
