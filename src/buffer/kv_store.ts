import { Z4jError } from "../base/errors.ts";
import { noopLogger } from "../base/logger.ts";
import type { Logger } from "../base/logger.ts";
import { totalOf } from "../base/total.ts";
import { createSerial } from "./serial.ts";
import { closedError, requireRoom, writeError } from "./failures.ts";
import { commitAll } from "./kv_commit.ts";
import type { KvChange } from "./kv_commit.ts";
import { KV_READ_KEYS } from "./kv_like.ts";
import type { DenoKvLike, KvKey } from "./kv_like.ts";
import { joinParts, packPages, repackPage, unpackPage } from "./kv_pages.ts";
import type { Packed, PageRow } from "./kv_pages.ts";
import { isEvicted, isLive, keysBelow, loadState, metaChanges } from "./kv_state.ts";
import type { HeadValue, KvKeys, KvState, PageSpan } from "./kv_state.ts";
import { DISK_LIMITS, fillLimits } from "./limits.ts";
import type {
  EntryClass,
  EventStore,
  LossByKind,
  MetaChanges,
  NewEntry,
  ReadLimits,
  StoreCapabilities,
  StoredEntry,
  StoreDepth,
  StoreLimits,
} from "./port.ts";
import type { FullEntry } from "./sqlite_rows.ts";
import { createTally } from "./tally.ts";

/** What `openKvStore` needs. */
export interface KvStoreOptions {
  /** An open Deno KV, see `loadDenoKv`; `close()` of the store closes it. */
  readonly kv: DenoKvLike;
  /** Bounds. Default: 100 000 events and 256 MiB of text. */
  readonly limits?: Partial<StoreLimits>;
  /** Keys of this buffer begin with it. Default: `["z4j", "buffer"]`. */
  readonly prefix?: KvKey;
  /** Marks a new buffer as belonging to a project. Default: no mark. */
  readonly fingerprint?: string | undefined;
  /** File of the database, to be told. Default: none. */
  readonly path?: string | undefined;
  /** Where damage is told. Default: nowhere. */
  readonly logger?: Logger | undefined;
}

/** A store in Deno KV. */
export interface KvStore extends EventStore {
  /** The project that wrote it, or `null` when it does not say. */
  readonly fingerprint: string | null;
  /** As `read`, with the class of each entry, to move them elsewhere. */
  readFull(afterId: number, limits: ReadLimits): Promise<readonly FullEntry[]>;
}

/**
 * Opens a store in Deno KV. An append that returned is committed. Several
 * events share a value of up to 60 KiB, a larger text gets values of its own;
 * commits stay below the limits of Deno KV, and an append that needs several
 * shows only once the last of them has named it.
 *
 * One buffer has one prefix and one process at a time: a second writer makes
 * commits fail, never mixes with them. A value of another form is removed and
 * counted, see `damaged`, and keeps no other one back.
 *
 * @throws {Z4jError} `Z4J_BUFFER_OPEN` when the database cannot be read, or
 *   another version has written it.
 * @throws {RangeError} When a bound is no whole number from 1.
 */
export async function openKvStore(options: KvStoreOptions): Promise<KvStore> {
  const limits = fillLimits(options.limits, DISK_LIMITS);
  const keys = keysBelow(options.prefix ?? ["z4j", "buffer"]);
  const state = await openState(options.kv, keys, options.fingerprint ?? null);
  const place = { path: options.path ?? null, logger: options.logger ?? noopLogger };
  return new DenoKvStore(options.kv, keys, limits, state, place);
}

/**
 * As `openKvStore`, and closes the database when that fails.
 *
 * @throws {Z4jError} As `openKvStore` does.
 */
export async function openKvOwned(options: KvStoreOptions): Promise<KvStore> {
  try {
    return await openKvStore(options);
  } catch (error) {
    options.kv.close();
    throw error;
  }
}

/** Reads the state, removes what an interrupted write left, and keeps a head. */
async function openState(
  kv: DenoKvLike,
  keys: KvKeys,
  fingerprint: string | null,
): Promise<KvState> {
  const { state, junk } = await loadState(kv, keys, fingerprint);
  const isNew = state.versionstamp === null;
  const head: KvChange = { key: keys.head, value: state.head, bytes: 0 };
  const guard = { key: keys.head, versionstamp: state.versionstamp };
  const versionstamp = await commitAll(kv, guard, junk, isNew ? [head] : []);
  if (isNew) state.versionstamp = versionstamp;
  return state;
}

/** Where the database is, and where its damage is told. */
interface KvPlace {
  readonly path: string | null;
  readonly logger: Logger;
}

class DenoKvStore implements KvStore {
  readonly capabilities: StoreCapabilities;
  readonly #kv: DenoKvLike;
  readonly #keys: KvKeys;
  readonly #limits: StoreLimits;
  // One operation after the other: each builds on the state that the last left.
  readonly #inTurn = createSerial();
  readonly #logger: Logger;
  readonly #damaged = createTally();
  #state: KvState;
  #suspect = false;
  #closed = false;

  constructor(
    kv: DenoKvLike,
    keys: KvKeys,
    limits: StoreLimits,
    state: KvState,
    { path, logger }: KvPlace,
  ) {
    this.capabilities = { kind: "deno-kv", durable: true, path };
    this.#logger = logger;
    this.#kv = kv;
    this.#keys = keys;
    this.#limits = limits;
    this.#state = state;
    this.#tellDamage();
  }

  get fingerprint(): string | null {
    return this.#state.head.fingerprint ?? null;
  }

  get storeId(): string {
    return this.#state.head.storeId;
  }

  append(entries: readonly NewEntry[], meta?: MetaChanges): Promise<LossByKind> {
    return this.#write("append to", () => this.#append(entries, meta ?? new Map()));
  }

  read(afterId: number, limits: ReadLimits): Promise<readonly StoredEntry[]> {
    return this.#run(
      "read",
      async () =>
        (await this.#rows(afterId, limits)).map(({ id, text, bytes, kind }) => ({
          id,
          text,
          bytes,
          kind,
        })),
    );
  }

  readFull(afterId: number, limits: ReadLimits): Promise<readonly FullEntry[]> {
    return this.#run("read", () => this.#rows(afterId, limits));
  }

  removeRange(firstId: number, lastId: number): Promise<void> {
    return this.#write("remove from", () => this.#remove(firstId, lastId));
  }

  depth(): StoreDepth {
    return this.#state.log.depth();
  }

  losses(): LossByKind {
    return this.#state.head.losses;
  }

  damaged(): LossByKind {
    return this.#damaged.snapshot();
  }

  getMeta(key: string): Promise<string | null> {
    return this.#run("read", () => Promise.resolve(this.#state.meta.get(key)?.value ?? null));
  }

  setMeta(key: string, value: string | null): Promise<void> {
    return this.#write("write to", async () => {
      await this.#append([], new Map([[key, value]]));
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#inTurn(() => Promise.resolve(this.#kv.close()));
  }

  #run<T>(action: string, work: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(closedError(action));
    return this.#inTurn(work);
  }

  /** After a failure nobody knows what was carried out: the state is read again. */
  #write<T>(action: string, work: () => Promise<T>): Promise<T> {
    return this.#run(action, async () => {
      try {
        if (this.#suspect) await this.#reload();
        return await work();
      } catch (error) {
        if (error instanceof Z4jError && error.code === "Z4J_BUFFER_FULL") throw error;
        this.#suspect = true;
        await this.#reload().catch(() => {});
        throw writeError("in Deno KV", error);
      }
    });
  }

  async #reload(): Promise<void> {
    this.#state = await openState(this.#kv, this.#keys, this.fingerprint);
    this.#suspect = false;
    this.#tellDamage();
  }

  #tellDamage(): void {
    const { pages, texts, events } = this.#state.damage;
    if (events.empty) return;
    const lost = events.snapshot();
    this.#damaged.addAll(lost);
    const facts = { path: this.capabilities.path, pages, texts, events: totalOf(lost) };
    this.#logger.warn(facts, "Values in Deno KV were damaged: the events in them are lost");
  }

  async #append(entries: readonly NewEntry[], meta: MetaChanges): Promise<LossByKind> {
    const { log, head } = this.#state;
    requireRoom(log.kept(), entries, this.#limits);
    if (entries.length === 0 && meta.size === 0) return {};
    const firstId = head.lastId + 1;
    const numbered = entries.map((entry, i) => ({ id: firstId + i, entry }));
    // The index keeps no texts; they are in the database.
    for (const { id, entry } of numbered) log.push({ ...entry, text: "" }, id);
    const { head: next, evicted } = this.#makeRoom(head.lastId + entries.length);
    const packed = packPages(numbered.filter(({ id, entry }) => !isEvicted(next, entry.class, id)));
    const values = [...meta].flatMap(([key, value]) =>
      metaChanges(this.#state, this.#keys, key, value)
    );
    const headChange = { key: this.#keys.head, value: next, bytes: 2_048 };
    const guard = { key: this.#keys.head, versionstamp: this.#state.versionstamp };
    const changes = pageChanges(this.#keys, packed);
    this.#state.versionstamp = await commitAll(this.#kv, guard, changes, [...values, headChange]);
    this.#state.head = next;
    this.#keep(packed, meta);
    if (Object.keys(evicted).length > 0) await this.#sweep();
    return evicted;
  }

  /** Evicts in the index; answers the head that says so. */
  #makeRoom(lastId: number): { readonly head: HeadValue; readonly evicted: LossByKind } {
    const { head, log } = this.#state;
    const floors: Record<EntryClass, number> = { ...head.floors };
    const tally = createTally();
    log.trim(this.#limits, (entry, id) => {
      floors[entry.class] = id + 1;
      tally.add(entry.kind);
    });
    const evicted = tally.snapshot();
    const losses = createTally(head.losses);
    losses.addAll(evicted);
    return { head: { ...head, lastId, floors, losses: losses.snapshot() }, evicted };
  }

  #keep({ pages, parts }: Packed, meta: MetaChanges): void {
    const state = this.#state;
    for (const { firstId, lastId } of pages) state.pages.push({ firstId, lastId });
    for (const { id, index } of parts) state.parts.set(id, index + 1);
    for (const [key, value] of meta) {
      const pieces = metaChanges(state, this.#keys, key, value).filter((one) =>
        one.value !== undefined
      );
      if (value === null) state.meta.delete(key);
      else state.meta.set(key, { value, pieces: pieces.length });
    }
  }

  /** Removes pages of which everything was evicted. */
  async #sweep(): Promise<void> {
    const dead = this.#state.pages.filter((page) => !isLive(this.#state, page));
    await this.#drop(dead, []);
  }

  async #remove(firstId: number, lastId: number): Promise<void> {
    const { log } = this.#state;
    const touched = this.#pagesWithin(firstId, lastId);
    const before = log.count;
    log.removeRange(firstId, lastId);
    if (log.count === before) return;
    const partial = touched.filter((page) => isLive(this.#state, page));
    await this.#drop(touched.filter((page) => !partial.includes(page)), partial);
  }

  /** Removes dead pages and writes those anew that lost some of their rows. */
  async #drop(dead: readonly PageSpan[], partial: readonly PageSpan[]): Promise<void> {
    const { parts, log } = this.#state;
    const rewritten = await Promise.all(partial.map((page) => this.#rewritten(page)));
    const gone = [...parts].filter(([id]) => log.peek(id - 1, 1, Infinity)[0]?.id !== id);
    const changes: KvChange[] = [
      ...rewritten,
      ...dead.map(({ firstId }) => ({ key: [...this.#keys.pages, firstId], bytes: 0 })),
      ...gone.flatMap(([id, count]) => this.#partKeys(id, count).map((key) => ({ key, bytes: 0 }))),
    ];
    const guard = { key: this.#keys.head, versionstamp: this.#state.versionstamp };
    await commitAll(this.#kv, guard, changes, []);
    for (const [id] of gone) parts.delete(id);
    const isDead = new Set(dead);
    this.#state.pages = this.#state.pages.filter((page) => !isDead.has(page));
  }

  async #rewritten(page: PageSpan): Promise<KvChange> {
    const key = [...this.#keys.pages, page.firstId];
    const rows = unpackPage((await this.#kv.get(key)).value);
    const value = repackPage(rows.filter((row) => this.#has(row.id)));
    return { key, value, bytes: value.length };
  }

  async #rows(afterId: number, { maxCount, maxBytes }: ReadLimits): Promise<readonly FullEntry[]> {
    const wanted = this.#state.log.peek(afterId, maxCount, maxBytes);
    const [first, last] = [wanted[0], wanted.at(-1)];
    if (first === undefined || last === undefined) return [];
    const ids = new Set(wanted.map(({ id }) => id));
    const pages = this.#pagesWithin(first.id, last.id);
    const values = await this.#many(pages.map((page) => [...this.#keys.pages, page.firstId]));
    const rows = values.flatMap(unpackPage).filter((row) => ids.has(row.id));
    const full: FullEntry[] = [];
    for (const row of rows) full.push(await this.#full(row));
    return full;
  }

  async #full({ parts, ...row }: PageRow): Promise<FullEntry> {
    if (parts === 0) return row;
    return { ...row, text: joinParts(await this.#many(this.#partKeys(row.id, parts))) };
  }

  async #many(keys: readonly KvKey[]): Promise<unknown[]> {
    const values: unknown[] = [];
    for (let at = 0; at < keys.length; at += KV_READ_KEYS) {
      const found = await this.#kv.getMany(keys.slice(at, at + KV_READ_KEYS));
      values.push(...found.map(({ value }) => value));
    }
    return values;
  }

  #partKeys(id: number, count: number): KvKey[] {
    return Array.from({ length: count }, (_, index) => [...this.#keys.parts, id, index]);
  }

  #pagesWithin(firstId: number, lastId: number): PageSpan[] {
    return this.#state.pages.filter((page) => page.firstId <= lastId && page.lastId >= firstId);
  }

  #has(id: number): boolean {
    return this.#state.log.peek(id - 1, 1, Infinity)[0]?.id === id;
  }
}

function pageChanges(keys: KvKeys, { pages, parts }: Packed): KvChange[] {
  return [
    ...parts.map(({ id, index, value }) => ({
      key: [...keys.parts, id, index],
      value,
      bytes: value.length,
    })),
    ...pages.map(({ firstId, value }) => ({
      key: [...keys.pages, firstId],
      value,
      bytes: value.length,
    })),
  ];
}
