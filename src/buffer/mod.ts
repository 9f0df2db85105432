/**
 * The durable buffer: events wait here until the brain has them.
 *
 * `openBuffer` is what an agent uses. The stores underneath, and the port that
 * they implement, are for authors of other stores; check one with
 * `testEventStore` of `@z4j/core/testing`.
 *
 * @example Keep an event, read it back, remove it
 * ```ts
 * import { openBuffer } from "@z4j/core/buffer";
 * import { equal } from "node:assert/strict";
 *
 * const buffer = await openBuffer({ path: null });
 * buffer.push({ text: '{"kind":"task.sent"}', bytes: 20, kind: "task.sent", class: "progress" });
 * await buffer.settled();
 *
 * const [entry] = await buffer.read(0, { maxCount: 500, maxBytes: 1_000_000 });
 * equal(entry?.kind, "task.sent");
 * if (entry) buffer.removeRange(entry.id, entry.id);
 *
 * equal(buffer.depth().count, 0);
 * await buffer.close();
 * ```
 *
 * @module
 */
export type { CancelTimer, Clock } from "../base/clock.ts";
export { Z4jError } from "../base/errors.ts";
export type { Z4jErrorCode, Z4jErrorOptions } from "../base/errors.ts";
export type { LogFacts, Logger } from "../base/logger.ts";
export type { MaybePromise } from "../base/maybe_promise.ts";
export type { FileOps } from "./file_ops.ts";
export { loadFileOps } from "./file_ops_node.ts";
export { loadDenoKv } from "./deno_kv.ts";
export { fingerprintOf } from "./fingerprint.ts";
export { createGroupedBuffer } from "./grouped.ts";
export type { GroupedBuffer, GroupedBufferOptions } from "./grouped.ts";
export type { DenoKvLike, KvAtomicLike, KvEntryLike, KvKey } from "./kv_like.ts";
export { openKvStore } from "./kv_store.ts";
export type { KvStore, KvStoreOptions } from "./kv_store.ts";
export { listBuffers } from "./list.ts";
export type { BufferFile, ListBuffersOptions } from "./list.ts";
export { loadSqlite } from "./load_sqlite.ts";
export { createMemoryStore } from "./memory.ts";
export { openBuffer } from "./open.ts";
export type { OpenBufferOptions, StoreChoice } from "./open.ts";
export type * from "./port.ts";
export { openSqliteStore } from "./sqlite.ts";
export type { SqliteStoreOptions } from "./sqlite.ts";
export type { FullEntry } from "./sqlite_rows.ts";
export type {
  OpenSqlite,
  SqliteDriver,
  SqliteStatement,
  SqlRow,
  SqlValue,
} from "./sqlite_driver.ts";
