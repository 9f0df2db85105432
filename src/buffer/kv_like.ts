/** A key of Deno KV, as far as it is used here. */
export type KvKey = readonly (string | number)[];

/** What Deno KV answers for a key; `versionstamp` is `null` when there is nothing. */
export interface KvEntryLike {
  /** The key. */
  readonly key: readonly unknown[];
  /** The value, or `null`. */
  readonly value: unknown;
  /** Changes with each write of the key. */
  readonly versionstamp: string | null;
}

/** An atomic operation of Deno KV. */
export interface KvAtomicLike {
  /** Makes the commit fail unless the key is still at this version. */
  check(check: { readonly key: KvKey; readonly versionstamp: string | null }): KvAtomicLike;
  /** Sets a key. */
  set(key: KvKey, value: unknown): KvAtomicLike;
  /** Removes a key. */
  delete(key: KvKey): KvAtomicLike;
  /** Carries everything out, or nothing. */
  commit(): Promise<
    { readonly ok: true; readonly versionstamp: string } | { readonly ok: false }
  >;
}

/** The little of `Deno.Kv` that the store uses; pass what `Deno.openKv()` gave. */
export interface DenoKvLike {
  /** Reads one key. */
  get(key: KvKey): Promise<KvEntryLike>;
  /** Reads up to ten keys. */
  getMany(keys: readonly KvKey[]): Promise<readonly KvEntryLike[]>;
  /** Reads every key below a prefix in order. */
  list(
    selector: { readonly prefix: KvKey },
    options?: { readonly batchSize?: number },
  ): AsyncIterable<KvEntryLike>;
  /** Begins an atomic operation. */
  atomic(): KvAtomicLike;
  /** Closes the database. */
  close(): void;
}

/** Most keys of one `getMany` (a limit of Deno KV). */
export const KV_READ_KEYS = 10;

/** Most bytes of one value. Deno KV takes 65 536 after its own encoding. */
export const KV_VALUE_BYTES: number = 60 * 1024;

/** Most bytes of one commit. Deno KV takes 819 200, keys included. */
export const KV_COMMIT_BYTES = 700_000;

/** Most mutations of one commit. Deno KV takes 1 000. */
export const KV_COMMIT_MUTATIONS = 900;
