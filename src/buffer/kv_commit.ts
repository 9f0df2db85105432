import { Z4jError } from "../base/errors.ts";
import { KV_COMMIT_BYTES, KV_COMMIT_MUTATIONS } from "./kv_like.ts";
import type { DenoKvLike, KvKey } from "./kv_like.ts";

/** One change; `value` is `undefined` for a removal. */
export interface KvChange {
  readonly key: KvKey;
  readonly value?: unknown;
  /** Size of the value. */
  readonly bytes: number;
}

/** The key that guards every commit, and its version. */
export interface KvHead {
  readonly key: KvKey;
  readonly versionstamp: string | null;
}

// What a key and the encoding of its change may add to a value.
const CHANGE_BYTES = 256;

/**
 * Carries out changes under the condition that nobody else has written the
 * head since, and answers the version of the last commit, `null` without one. What does not fit in one
 * commit goes in several, `last` with the final one: a reader that trusts only
 * what the head names sees all of it or nothing.
 *
 * @throws {Z4jError} `Z4J_BUFFER_WRITE` when another process has written, or
 *   `last` alone is too much.
 */
export async function commitAll(
  kv: DenoKvLike,
  head: KvHead,
  changes: readonly KvChange[],
  last: readonly KvChange[],
): Promise<string | null> {
  if (!fits(last)) throw conflict("the values of one group are too large for one commit");
  const groups = grouped(changes);
  const rest = groups.at(-1) ?? [];
  const joined = fits([...rest, ...last]);
  if (joined) groups.pop();
  for (const group of groups) await commit(kv, head, group);
  return await commit(kv, head, joined ? [...rest, ...last] : last);
}

async function commit(
  kv: DenoKvLike,
  head: KvHead,
  changes: readonly KvChange[],
): Promise<string | null> {
  if (changes.length === 0) return null;
  const atomic = kv.atomic();
  atomic.check(head);
  for (const { key, value } of changes) {
    if (value === undefined) atomic.delete(key);
    else atomic.set(key, value);
  }
  const outcome = await atomic.commit();
  if (outcome.ok) return outcome.versionstamp;
  throw conflict("another process has written to it");
}

function grouped(changes: readonly KvChange[]): KvChange[][] {
  const groups: KvChange[][] = [];
  let bytes = 0;
  for (const change of changes) {
    const group = groups.at(-1);
    const size = change.bytes + CHANGE_BYTES;
    const full = group === undefined || bytes + size > KV_COMMIT_BYTES ||
      group.length >= KV_COMMIT_MUTATIONS;
    if (full) groups.push([change]);
    else group.push(change);
    bytes = full ? size : bytes + size;
  }
  return groups;
}

function fits(changes: readonly KvChange[]): boolean {
  const bytes = changes.reduce((sum, change) => sum + change.bytes + CHANGE_BYTES, 0);
  return bytes <= KV_COMMIT_BYTES && changes.length <= KV_COMMIT_MUTATIONS;
}

function conflict(state: string): Z4jError {
  return new Z4jError(
    "Z4J_BUFFER_WRITE",
    `Cannot write the buffer in Deno KV: ${state}, expected a commit to pass`,
  );
}
