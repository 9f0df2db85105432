import { Z4jError } from "../base/errors.ts";
import { randomUuid } from "../base/ids.ts";
import { isJsonObject } from "../base/json.ts";
import { EntryLog } from "./entry_log.ts";
import type { KvChange } from "./kv_commit.ts";
import type { DenoKvLike, KvKey } from "./kv_like.ts";
import { cutBytes, isCount, joinParts, repackPage, unpackPage } from "./kv_pages.ts";
import type { EntryClass, LossByKind } from "./port.ts";
import { createTally } from "./tally.ts";
import type { Tally } from "./tally.ts";

/** The facts that one commit changes last: what it names is stored. */
export interface HeadValue {
  readonly version: 1;
  readonly storeId: string;
  /** Newest stored id; pages above it belong to a write that never ended. */
  readonly lastId: number;
  /** Rows of a class below this id were evicted. */
  readonly floors: Readonly<Record<EntryClass, number>>;
  readonly losses: LossByKind;
  /** Whose events they are, or `null`. */
  readonly fingerprint: string | null;
}

/** Where a page lies in the order of ids. */
export interface PageSpan {
  readonly firstId: number;
  readonly lastId: number;
}

/** A small value and in how many pieces it is stored. */
export interface MetaValue {
  readonly value: string;
  readonly pieces: number;
}

/** What the database holds, without the texts. */
export interface KvState {
  head: HeadValue;
  versionstamp: string | null;
  readonly log: EntryLog;
  pages: PageSpan[];
  /** Parts of each large text, by id. */
  readonly parts: Map<number, number>;
  readonly meta: Map<string, MetaValue>;
  readonly damage: KvDamage;
}

/** What was found in another form than it was written in, and is given up. */
export interface KvDamage {
  /** Values that are no pages. */
  pages: number;
  /** Large texts of which a part is missing or of another length. */
  texts: number;
  /** The entries that these held, at most. */
  readonly events: Tally;
}

/** The keys of one buffer. */
export interface KvKeys {
  readonly head: KvKey;
  readonly pages: KvKey;
  readonly parts: KvKey;
  readonly meta: KvKey;
}

/** The keys below a prefix. */
export function keysBelow(prefix: KvKey): KvKeys {
  const below = (name: string): KvKey => [...prefix, name];
  return { head: below("head"), pages: below("page"), parts: below("part"), meta: below("meta") };
}

// Kind of an event of which nothing can be read.
const UNKNOWN = "unknown";

// Values are up to 60 KiB, so this is some 2 MiB at a time.
const LIST_BATCH = 32;

/** Reads everything once, and finds what an interrupted write left behind. */
export async function loadState(
  kv: DenoKvLike,
  keys: KvKeys,
  fingerprint: string | null,
): Promise<{ readonly state: KvState; readonly junk: readonly KvChange[] }> {
  const entry = await kv.get(keys.head);
  const state: KvState = {
    head: entry.value === null ? newHead(fingerprint) : headOf(entry.value),
    versionstamp: entry.versionstamp,
    log: new EntryLog(),
    pages: [],
    parts: new Map(),
    meta: new Map(),
    damage: { pages: 0, texts: 0, events: createTally() },
  };
  const junk: KvChange[] = [];
  await loadPages(kv, keys, state, junk);
  await loadParts(kv, keys, state, junk);
  await loadMeta(kv, keys, state);
  return { state, junk };
}

/** Whether an entry was evicted. */
export function isEvicted({ floors }: HeadValue, cls: EntryClass, id: number): boolean {
  return id < floors[cls];
}

/** Whether a page holds any entry that is still there. */
export function isLive({ log }: KvState, { firstId, lastId }: PageSpan): boolean {
  const [next] = log.peek(firstId - 1, 1, Infinity);
  return next !== undefined && next.id <= lastId;
}

/** The changes that set or remove a small value. */
export function metaChanges(
  { meta }: KvState,
  keys: KvKeys,
  name: string,
  value: string | null,
): KvChange[] {
  const pieces = value === null ? [] : piecesOf(value);
  const changes = pieces.map((piece, index): KvChange => ({
    key: [...keys.meta, name, index],
    value: piece,
    bytes: piece.length,
  }));
  for (let index = pieces.length; index < (meta.get(name)?.pieces ?? 0); index++) {
    changes.push({ key: [...keys.meta, name, index], bytes: 0 });
  }
  return changes;
}

/** The head of a database; one of another form would lose count of everything. */
function headOf(value: unknown): HeadValue {
  const head = (typeof value === "object" && value !== null ? value : {}) as Partial<HeadValue>;
  const { version } = head;
  if (version !== 1) {
    throw openError(`its version is ${typeof version === "number" ? version : "missing"}`);
  }
  const { storeId, lastId, floors, losses } = head;
  const isRight = typeof storeId === "string" && isCount(lastId) && isJsonObject(losses) &&
    isJsonObject(floors) && CLASSES.every((cls) => isCount(floors[cls])) &&
    Object.values(losses).every(isCount);
  if (!isRight) throw openError("its head is of another form");
  return head as HeadValue;
}

function openError(state: string): Z4jError {
  return new Z4jError(
    "Z4J_BUFFER_OPEN",
    `Cannot open the buffer in Deno KV: ${state}, expected that of version 1; update @z4j/core`,
  );
}

const CLASSES: readonly EntryClass[] = ["progress", "terminal", "schedule"];

function newHead(fingerprint: string | null): HeadValue {
  return {
    version: 1,
    storeId: randomUuid(),
    lastId: 0,
    floors: { progress: 0, terminal: 0, schedule: 0 },
    losses: {},
    fingerprint,
  };
}

async function loadPages(
  kv: DenoKvLike,
  keys: KvKeys,
  state: KvState,
  junk: KvChange[],
): Promise<void> {
  const { head, log, parts } = state;
  const damaged: number[] = [];
  const starts: number[] = [];
  for await (const { key, value } of kv.list({ prefix: keys.pages }, { batchSize: LIST_BATCH })) {
    const firstId = Number(key.at(-1));
    starts.push(firstId);
    const all = unpackPage(value);
    const rows = all.filter((row) => row.id <= head.lastId && !isEvicted(head, row.class, row.id));
    const last = rows.at(-1);
    // Pages lie one behind the other; what overlaps was not written here.
    const isInOrder = (all[0]?.id ?? 0) >= Math.max(firstId, (state.pages.at(-1)?.lastId ?? 0) + 1);
    if (last === undefined || !isInOrder) {
      junk.push({ key: key as KvKey, bytes: 0 });
      // Pages of a write that never ended, and those of which all was evicted, are in order.
      if (all.length === 0 || !isInOrder) damaged.push(firstId);
      continue;
    }
    state.pages.push({ firstId, lastId: last.id });
    for (const { id, bytes, kind, class: cls, parts: count } of rows) {
      log.push({ text: "", bytes, kind, class: cls }, id);
      if (count > 0) parts.set(id, count);
    }
  }
  countDamage(state, damaged, starts);
}

/** Counts what was in pages that cannot be read: their ids end where those of the next begin. */
function countDamage(
  { head, damage }: KvState,
  damaged: readonly number[],
  starts: readonly number[],
): void {
  for (const firstId of damaged) {
    const next = starts.find((start) => start > firstId) ?? Infinity;
    const count = Math.min(next - 1, head.lastId) - Math.max(firstId, 1) + 1;
    if (!(count > 0)) continue;
    damage.pages += 1;
    damage.events.add(UNKNOWN, count);
  }
}

async function loadParts(
  kv: DenoKvLike,
  keys: KvKeys,
  state: KvState,
  junk: KvChange[],
): Promise<void> {
  const { parts, log, damage } = state;
  const found = new Map<number, { bytes: number; readonly keys: KvKey[] }>();
  for await (const { key, value } of kv.list({ prefix: keys.parts }, { batchSize: LIST_BATCH })) {
    const [id, index] = [Number(key.at(-2)), Number(key.at(-1))];
    if (!parts.has(id)) junk.push({ key: key as KvKey, bytes: 0 });
    const one = found.get(id) ?? { bytes: 0, keys: [] };
    found.set(id, one);
    one.keys.push(key as KvKey);
    if (value instanceof Uint8Array && index < (parts.get(id) ?? 0)) one.bytes += value.length;
  }
  // A text with a hole in it would be sent as it is.
  const holes = new Set<number>();
  for (const id of [...parts.keys()]) {
    const [row] = log.peek(id - 1, 1, Infinity);
    if (row === undefined || row.entry.bytes === found.get(id)?.bytes) continue;
    log.removeRange(id, id);
    parts.delete(id);
    holes.add(id);
    damage.texts += 1;
    damage.events.add(row.entry.kind);
    for (const key of found.get(id)?.keys ?? []) junk.push({ key, bytes: 0 });
  }
  if (holes.size > 0) await forget(kv, keys, state, holes, junk);
}

/** Takes rows out of their pages, or the next opening would count them again. */
async function forget(
  kv: DenoKvLike,
  keys: KvKeys,
  state: KvState,
  ids: ReadonlySet<number>,
  junk: KvChange[],
): Promise<void> {
  for (const { firstId } of state.pages) {
    const key = [...keys.pages, firstId];
    const all = unpackPage((await kv.get(key)).value);
    const rows = all.filter(({ id }) => !ids.has(id));
    if (rows.length === all.length) continue;
    const value = rows.length === 0 ? undefined : repackPage(rows);
    junk.push({ key, ...(value === undefined ? { bytes: 0 } : { value, bytes: value.length }) });
  }
  state.pages = state.pages.filter((page) => isLive(state, page));
}

async function loadMeta(kv: DenoKvLike, keys: KvKeys, { meta }: KvState): Promise<void> {
  const found = new Map<string, unknown[]>();
  for await (const { key, value } of kv.list({ prefix: keys.meta })) {
    const name = String(key.at(-2));
    found.set(name, [...found.get(name) ?? [], value]);
  }
  for (const [name, values] of found) {
    meta.set(name, { value: joinParts(values), pieces: values.length });
  }
}

/** An empty text still needs a piece, or it would not be there. */
function piecesOf(value: string): readonly Uint8Array[] {
  return value === "" ? [new Uint8Array()] : cutBytes(new TextEncoder().encode(value));
}
