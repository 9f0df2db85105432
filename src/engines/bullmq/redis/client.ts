import { member } from "../facts.ts";

/** One argument of a Redis command. */
export type RedisArgument = string | number;

/** What differs between the connections that the engine makes for itself. */
export type RedisRole =
  /** Short commands that fail at once while Redis is away, instead of running later. */
  | "commands"
  /** One command that waits for data; never shared. */
  | "blocking";

/** A member of a foreign object as a function bound to it. */
export function method(owner: unknown, name: string): Call | undefined {
  const found = member(owner, name);
  if (typeof found !== "function") return undefined;
  return (...values) => Reflect.apply(found, owner, values) as unknown;
}

/** A foreign function. */
export type Call = (...values: readonly unknown[]) => unknown;

/**
 * Sends one command through a client of ioredis, or of the wrappers that BullMQ 6
 * puts around node-redis and Bun's own client.
 */
export async function send(
  client: unknown,
  command: string,
  values: readonly RedisArgument[],
): Promise<unknown> {
  const texts = values.map(String);
  const call = method(client, "call");
  if (call !== undefined) return await call(command, ...texts);
  const raw = member(client, "raw") ?? client;
  const sendCommand = method(raw, "sendCommand");
  if (sendCommand !== undefined) return await sendCommand([command, ...texts]);
  const bun = method(raw, "send");
  if (bun !== undefined) return await bun(command, texts);
  throw new TypeError("Cannot send to Redis: the client has no call(), expected one of ioredis");
}

/**
 * Options for a connection of ours. It never reconnects by itself and queues
 * nothing, so no command runs after it was given up. Never `commandTimeout`:
 * its second rejection is unhandled and ends a process on Deno.
 */
export function ownOptions(role: RedisRole): Readonly<Record<string, unknown>> {
  return {
    connectionName: `z4j-${role}`,
    lazyConnect: true,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    enableAutoPipelining: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 1,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: undefined,
    retryStrategy: () => null,
    reconnectOnError: () => false,
  };
}

/** How long a connection may take to be made. */
export const CONNECT_TIMEOUT_MS = 2_000;
