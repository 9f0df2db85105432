import type { Clock } from "../base/clock.ts";
import { randomHex } from "../base/ids.ts";
import type { Logger } from "../base/logger.ts";
import { claimPath } from "./claim.ts";
import { loadDenoKv } from "./deno_kv.ts";
import { loadFileOps } from "./file_ops_node.ts";
import { isForeign } from "./fingerprint.ts";
import type { DenoKvLike } from "./kv_like.ts";
import { claimPartition, freePartitions, takePartition } from "./kv_partition.ts";
import type { PartitionParts } from "./kv_partition.ts";
import { openKvOwned, openKvStore } from "./kv_store.ts";
import { DISK_LIMITS, fillLimits } from "./limits.ts";
import { loadSqlite } from "./load_sqlite.ts";
import { bufferNames, randomName, withExtension } from "./names.ts";
import { startNeighbourhood } from "./neighbours.ts";
import type { OpenBufferOptions } from "./open.ts";
import { openAnyOrphan } from "./open_orphan.ts";
import type { OpenedStore } from "./opened.ts";
import type { OrphanAnswer, OrphanParts } from "./orphan.ts";
import type { StoreLimits } from "./port.ts";
import { closeQuietly } from "./sqlite_driver.ts";

/**
 * Opens Deno KV as the options say: a file, a part of a shared database, or all of it.
 *
 * @throws {Z4jError} As `loadDenoKv` and `openKvStore` do.
 */
export async function openKv(
  options: OpenBufferOptions,
  logger: Logger,
  clock: Clock,
): Promise<OpenedStore> {
  const { path: wished, limits = {}, fingerprint, neighbours = false } = options;
  const path = wished === null ? undefined : withExtension(wished, ".kv");
  if (!neighbours) {
    const kv = await loadDenoKv(path);
    return { store: await openKvOwned({ kv, limits, fingerprint, path, logger }) };
  }
  const project = { fingerprint: fingerprint ?? null, clock, logger };
  if (path === undefined) return await openKvShared(await loadDenoKv(), limits, project);
  const driver = await (options.sqlite ?? loadSqlite)();
  const files = await (options.files ?? loadFileOps)();
  return await openKvFile(path, limits, { ...project, driver, files });
}

/**
 * Opens a file of Deno KV for this process alone.
 *
 * @throws {Z4jError} As `loadDenoKv` and `openKvStore` do.
 */
export async function openKvFile(
  wanted: string,
  limits: Partial<StoreLimits>,
  parts: OrphanParts,
): Promise<OpenedStore> {
  for (let path = wanted;; path = randomName(wanted, randomHex(4))) {
    const opened = await openOwn(path, limits, parts);
    if (opened !== null) return opened;
  }
}

/**
 * A file of Deno KV is one of SQLite: what an earlier opening failed to sync may
 * lie in its log and would end it there when the power fails. Deno KV cannot be
 * asked to empty it, so that comes first.
 *
 * @throws The driver's error when that fails: the file cannot be used now.
 */
function emptyLogBefore(path: string, { driver: open, files }: OrphanParts): void {
  if (!files.exists(`${path}-wal`)) return;
  const driver = open(path);
  try {
    driver.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
  } finally {
    closeQuietly(driver);
  }
}

/** Answers `null` where the file is another project's. */
async function openOwn(
  wanted: string,
  limits: Partial<StoreLimits>,
  parts: OrphanParts,
): Promise<OpenedStore | null> {
  const { path, lock } = claimPath(wanted, parts);
  const fingerprint = parts.fingerprint ?? undefined;
  try {
    // Deno would create it for everybody to read; side files get the mode of the file.
    parts.files.ensurePrivate(path);
    emptyLogBefore(path, parts);
    const { logger } = parts;
    const kv = await loadDenoKv(path);
    const store = await openKvOwned({ kv, limits, fingerprint, path, logger });
    if (!isForeign(store.fingerprint, parts.fingerprint)) {
      const home = {
        own: path,
        limits: fillLimits(limits, DISK_LIMITS),
        names: () => bufferNames(path, parts.files),
        open: (found: string) => openAnyOrphan(found, parts),
        watch: startNeighbourhood,
        release: () => lock.release(),
      };
      return { store, home };
    }
    await store.close();
  } catch (error) {
    lock.release();
    throw error;
  }
  lock.release();
  return null;
}

/** What a shared database needs, and where damage is told. */
type SharedParts = PartitionParts & { readonly logger?: Logger };

/** Opens a part of a database that several processes share, as on Deno Deploy. */
export async function openKvShared(
  kv: DenoKvLike,
  limits: Partial<StoreLimits>,
  parts: Omit<SharedParts, "kv">,
): Promise<OpenedStore> {
  const shared: SharedParts = { ...parts, kv };
  const partition = await claimPartition(shared);
  const fingerprint = parts.fingerprint ?? undefined;
  const kvOfStore = borrowed(kv);
  const { logger } = parts;
  const { prefix } = partition;
  const store = await openKvStore({ kv: kvOfStore, limits, fingerprint, prefix, logger });
  const home = {
    own: partition.id,
    limits: fillLimits(limits, DISK_LIMITS),
    names: () => freePartitions(shared),
    open: (id: string) => openPartition(id, shared),
    watch: startNeighbourhood,
    async release() {
      await partition.release(store.depth().count === 0);
      kv.close();
    },
  };
  return { store, home };
}

async function openPartition(id: string, parts: SharedParts): Promise<OrphanAnswer> {
  const partition = await takePartition(id, parts);
  if (partition === null) return { kind: "busy" };
  const { kv, logger } = parts;
  const store = await openKvStore({ kv: borrowed(kv), prefix: partition.prefix, logger });
  const orphan = {
    async read(afterId: number, limits: Parameters<typeof store.readFull>[1]) {
      const rows = await store.readFull(afterId, limits);
      return { rows, lastId: rows.at(-1)?.id ?? afterId, more: rows.length > 0 };
    },
    remove: (firstId: number, lastId: number) => store.removeRange(firstId, lastId),
    losses: () => store.losses(),
    async close(empty: boolean) {
      await store.close();
      await partition.release(empty);
    },
  };
  return { kind: "orphan", orphan };
}

/** The database for a store that must not close it for the others. */
function borrowed(kv: DenoKvLike): DenoKvLike {
  return {
    get: (key) => kv.get(key),
    getMany: (keys) => kv.getMany(keys),
    list: (selector, options) => kv.list(selector, options),
    atomic: () => kv.atomic(),
    close() {},
  };
}
