import type { DenoKvLike, KvAtomicLike, KvEntryLike, KvKey } from "../../src/buffer/kv_like.ts";

/** Deno KV in memory with its real limits, so that the store is also checked without Deno. */
export interface KvDouble extends DenoKvLike {
  /** Mutations of each commit that passed. */
  readonly commits: number[];
  /** Lets so many more commits pass; later ones fail. */
  budget: number;
  /** Every stored value by encoded key. */
  readonly data: Map<string, { readonly value: unknown; readonly versionstamp: string }>;
}

type Mutation = { readonly key: KvKey; readonly value?: unknown };

/** Creates the double; one passed in again is the same database opened again. */
export function createKvDouble(data: KvDouble["data"] = new Map()): KvDouble {
  const nextVersion = versionsOf(data);
  const get = (key: KvKey): KvEntryLike => {
    const found = data.get(JSON.stringify(key));
    return { key, value: found?.value ?? null, versionstamp: found?.versionstamp ?? null };
  };
  const double: KvDouble = {
    commits: [],
    budget: Infinity,
    data,
    get: (key) => Promise.resolve(get(key)),
    getMany(keys) {
      if (keys.length > 10) throw new TypeError("Too many ranges (max 10)");
      return Promise.resolve(keys.map(get));
    },
    async *list({ prefix }) {
      const found = [...data.keys()].map((text) => JSON.parse(text) as KvKey)
        .filter((key) => prefix.every((part, i) => key[i] === part));
      for (const key of found.sort(byParts)) yield await Promise.resolve(get(key));
    },
    atomic() {
      const checks: { readonly key: KvKey; readonly versionstamp: string | null }[] = [];
      const mutations: Mutation[] = [];
      const atomic: KvAtomicLike = {
        check(check) {
          checks.push(check);
          return atomic;
        },
        set(key, value) {
          mutations.push({ key, value });
          return atomic;
        },
        delete(key) {
          mutations.push({ key });
          return atomic;
        },
        commit() {
          requireSmall(mutations);
          if (double.budget-- <= 0) throw new Error("database is full");
          if (checks.some(({ key, versionstamp }) => get(key).versionstamp !== versionstamp)) {
            return Promise.resolve({ ok: false });
          }
          const versionstamp = nextVersion();
          for (const { key, value } of mutations) {
            if (value === undefined) data.delete(JSON.stringify(key));
            else data.set(JSON.stringify(key), { value, versionstamp });
          }
          double.commits.push(mutations.length);
          return Promise.resolve({ ok: true, versionstamp });
        },
      };
      return atomic;
    },
    close() {},
  };
  return double;
}

// One database has one sequence of versions, however often it is opened.
const versions = new WeakMap<KvDouble["data"], () => string>();

function versionsOf(data: KvDouble["data"]): () => string {
  const known = versions.get(data);
  if (known !== undefined) return known;
  let last = [...data.values()].reduce((max, one) => Math.max(max, Number(one.versionstamp)), 0);
  const next = (): string => String(++last).padStart(20, "0");
  versions.set(data, next);
  return next;
}

function requireSmall(mutations: readonly Mutation[]): void {
  if (mutations.length > 1_000) throw new TypeError("Too many mutations (max 1000)");
  let total = 0;
  for (const { key, value } of mutations) {
    const size = value instanceof Uint8Array
      ? value.length + 8
      : JSON.stringify(value ?? "").length;
    if (size > 65_536) throw new TypeError("Value too large (max 65536 bytes)");
    total += size + JSON.stringify(key).length;
  }
  if (total > 819_200) throw new TypeError("Total mutation size too large (max 819200 bytes)");
}

function byParts(a: KvKey, b: KvKey): number {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i], b[i]];
    if (x === y) continue;
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return a.length - b.length;
}
