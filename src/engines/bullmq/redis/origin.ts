import { type Clock, TIMED_OUT, withDeadline } from "../../../base/clock.ts";
import { member, text } from "../facts.ts";
import { CONNECT_TIMEOUT_MS, method, ownOptions, type RedisRole } from "./client.ts";

/**
 * How to reach the Redis of the queues: a client of ioredis (it is duplicated,
 * never used), a function that makes one from options, or options that replace
 * those of a queue or worker at hand.
 */
export type RedisConnection =
  | { duplicate(options?: object): unknown }
  | ((options: Readonly<Record<string, unknown>>) => unknown)
  | Readonly<Record<string, unknown>>;

/** Makes clients of the user's own Redis class. */
export interface RedisOrigin {
  /** A new client that is not connected yet; `undefined` while there is nothing to copy. */
  make(role: RedisRole): Promise<unknown>;
}

/**
 * Finds the class of the user's Redis client behind his objects: nothing is
 * imported, so it is the copy that the queues use.
 *
 * @param connection What the user gave, if anything.
 * @param owners Queues and workers at hand now, of BullMQ 5 or 6.
 */
export function createRedisOrigin(
  connection: RedisConnection | undefined,
  owners: () => Iterable<unknown>,
  clock: Clock,
): RedisOrigin {
  return {
    async make(role) {
      const options = ownOptions(role);
      if (typeof connection === "function") return await connection(options);
      const given = method(connection, "duplicate");
      if (given !== undefined) return await given(options);
      for (const owner of owners()) {
        const duplicate = method(await clientOf(owner, clock), "duplicate");
        if (duplicate !== undefined) return await duplicate({ ...plain(connection), ...options });
      }
      return undefined;
    },
  };
}

/** The client of a queue or worker; `undefined` when its store is another one or away. */
async function clientOf(owner: unknown, clock: Clock): Promise<unknown> {
  const shared = member(member(owner, "opts"), "connection");
  if (method(shared, "duplicate") !== undefined) return shared;
  // BullMQ 6 keeps it behind its backend. Both wait until Redis has answered.
  const pending = member(method(owner, "getBackend")?.(), "client") ?? member(owner, "client");
  const waiting = Promise.resolve(pending).catch(() => undefined);
  const client = await withDeadline(clock, waiting, CONNECT_TIMEOUT_MS);
  return client === TIMED_OUT ? undefined : client;
}

/** Whether an object of BullMQ 6 keeps its jobs elsewhere than in Redis. */
export function hasOtherStore(owner: unknown): boolean {
  const backend = method(owner, "getBackend")?.();
  return backend !== undefined && member(backend, "client") === undefined;
}

function plain(connection: unknown): Readonly<Record<string, unknown>> {
  if (typeof connection !== "object" || connection === null) return {};
  const { url, ...rest } = connection as Readonly<Record<string, unknown>>;
  const address = text(url);
  return address === undefined ? rest : { ...fromUrl(address), ...rest };
}

function fromUrl(address: string): Readonly<Record<string, unknown>> {
  const url = new URL(address);
  const database = Number(url.pathname.slice(1));
  return {
    host: url.hostname,
    port: url.port === "" ? 6379 : Number(url.port),
    ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
    ...(database > 0 ? { db: database } : {}),
    ...(url.protocol === "rediss:" ? { tls: {} } : {}),
  };
}
