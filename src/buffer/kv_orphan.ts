import { loadDenoKv } from "./deno_kv.ts";
import { SQLITE_SUFFIXES } from "./file_ops.ts";
import { FOREIGN, isForeign } from "./fingerprint.ts";
import { openKvStore } from "./kv_store.ts";
import type { KvStore } from "./kv_store.ts";
import type { OrphanAnswer, OrphanParts } from "./orphan.ts";
import { takeOwnerLock } from "./owner_lock.ts";
import type { OwnerLock } from "./owner_lock.ts";

/** Opens a neighbour's file of Deno KV if its process is gone. */
export async function openKvOrphan(path: string, parts: OrphanParts): Promise<OrphanAnswer> {
  const lock = takeOwnerLock(path, parts);
  if (lock === null) return { kind: "busy" };
  if (!parts.files.exists(path)) {
    // Another neighbour was faster, or died before it could remove the lock.
    lock.release();
    return { kind: "busy" };
  }
  let store: KvStore | undefined;
  try {
    store = await openKvStore({ kv: await loadDenoKv(path), path, logger: parts.logger });
    if (!isForeign(store.fingerprint, parts.fingerprint)) return kvOrphan(path, parts, lock, store);
  } catch (error) {
    lock.release();
    throw error;
  }
  await store.close();
  lock.release();
  return { kind: "kept", reason: FOREIGN };
}

function kvOrphan(
  path: string,
  { files }: OrphanParts,
  lock: OwnerLock,
  store: KvStore,
): OrphanAnswer {
  const orphan = {
    async read(afterId: number, limits: Parameters<KvStore["readFull"]>[1]) {
      const rows = await store.readFull(afterId, limits);
      return { rows, lastId: rows.at(-1)?.id ?? afterId, more: rows.length > 0 };
    },
    remove: (firstId: number, lastId: number) => store.removeRange(firstId, lastId),
    losses: () => store.losses(),
    async close(empty: boolean) {
      await store.close();
      if (empty) { for (const suffix of SQLITE_SUFFIXES) files.remove(path + suffix); }
      lock.release();
    },
  };
  return { kind: "orphan", orphan };
}
