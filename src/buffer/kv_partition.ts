import type { CancelTimer, Clock } from "../base/clock.ts";
import { randomHex } from "../base/ids.ts";
import type { DenoKvLike, KvKey } from "./kv_like.ts";
import { KV_LEASE_MS, KV_LEASE_RENEW_MS } from "./limits.ts";

/** The part of a shared database that one process uses, under a lease. */
export interface KvPartition {
  /** Its name. */
  readonly id: string;
  /** The keys of its buffer begin with it. */
  readonly prefix: KvKey;
  /** Gives it back: `empty` removes it, otherwise a neighbour may take it at once. */
  release(empty: boolean): Promise<void>;
}

/** What claiming needs. */
export interface PartitionParts {
  /** The database that several processes share. */
  readonly kv: DenoKvLike;
  /** Partitions of other projects are not even seen. */
  readonly fingerprint: string | null;
  /** Time and timers. */
  readonly clock: Clock;
}

interface Lease {
  readonly token: string | null;
  readonly renewedAt: number;
}

/** Takes over the partition of a process that ended, or begins a new one. */
export async function claimPartition(parts: PartitionParts): Promise<KvPartition> {
  for (const id of await freePartitions(parts)) {
    const partition = await takePartition(id, parts);
    if (partition !== null) return partition;
  }
  const fresh = await takePartition(randomHex(8), parts);
  if (fresh !== null) return fresh;
  throw new Error("a new partition is taken already, expected a free one");
}

/** Partitions whose process gave them back, or has not shown life for 30 s. */
export async function freePartitions(parts: PartitionParts): Promise<readonly string[]> {
  const free: string[] = [];
  for await (const { key, value } of parts.kv.list({ prefix: ownersOf(parts) })) {
    if (isFree(value as Lease | null, parts.clock)) free.push(String(key.at(-1)));
  }
  return free;
}

/** Takes a partition if it is free; `null` when somebody else has it. */
export async function takePartition(
  id: string,
  parts: PartitionParts,
): Promise<KvPartition | null> {
  const key = [...ownersOf(parts), id];
  const { value, versionstamp } = await parts.kv.get(key);
  if (!isFree(value as Lease | null, parts.clock)) return null;
  const lease: Lease = { token: randomHex(16), renewedAt: parts.clock.now() };
  const { ok } = await parts.kv.atomic().check({ key, versionstamp }).set(key, lease).commit();
  return ok ? new HeldPartition(id, key, lease, parts) : null;
}

class HeldPartition implements KvPartition {
  readonly id: string;
  readonly prefix: KvKey;
  readonly #key: KvKey;
  readonly #parts: PartitionParts;
  readonly #token: string | null;
  #cancel: CancelTimer = () => {};
  #renewing: Promise<unknown> = Promise.resolve();
  #released = false;

  constructor(id: string, key: KvKey, lease: Lease, parts: PartitionParts) {
    this.id = id;
    this.prefix = ["z4j", "buffer", projectOf(parts), id];
    this.#key = key;
    this.#parts = parts;
    this.#token = lease.token;
    this.#renewLater();
  }

  async release(empty: boolean): Promise<void> {
    this.#released = true;
    this.#cancel();
    await this.#renewing;
    const atomic = this.#parts.kv.atomic();
    if (empty) atomic.delete([...this.prefix, "head"]).delete(this.#key);
    else atomic.set(this.#key, { token: null, renewedAt: this.#parts.clock.now() });
    await atomic.commit();
  }

  #renewLater(): void {
    this.#cancel = this.#parts.clock.setTimer(() => {
      this.#renewing = this.#renew().catch(() => {}).finally(() => {
        if (!this.#released) this.#renewLater();
      });
    }, KV_LEASE_RENEW_MS);
  }

  /** Whoever took it meanwhile finds changed data at its next step, and stops. */
  async #renew(): Promise<void> {
    const lease: Lease = { token: this.#token, renewedAt: this.#parts.clock.now() };
    await this.#parts.kv.atomic().set(this.#key, lease).commit();
  }
}

function ownersOf(parts: PartitionParts): KvKey {
  return ["z4j", "owner", projectOf(parts)];
}

function projectOf({ fingerprint }: PartitionParts): string {
  return fingerprint ?? "any";
}

function isFree(lease: Lease | null, clock: Clock): boolean {
  return lease === null || lease.token === null ||
    clock.now() - lease.renewedAt > KV_LEASE_MS;
}
