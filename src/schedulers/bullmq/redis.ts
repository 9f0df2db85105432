import { member } from "../../engines/bullmq/facts.ts";

/** Runs a script in the Redis of a queue. */
export type RunScript = (
  script: Script,
  keys: readonly string[],
  values: readonly (string | number)[],
) => Promise<unknown>;

/** A Lua script under a name of its own. */
export interface Script {
  /** Name among the commands of a client. */
  readonly name: string;
  /** How many keys it takes. */
  readonly keys: number;
  /** Its text. */
  readonly lua: string;
}

/** The Redis connection of a queue, or why there is none. */
export interface QueueRedis {
  /** Runs a script. */
  readonly run: RunScript;
  /** Whether it is connected now; a write at another time might happen much later. */
  isReady(): boolean;
}

type Call = (...values: readonly unknown[]) => unknown;

/**
 * The connection that a queue has anyway: the client of BullMQ 5, or that of
 * the backend of BullMQ 6, of whatever Redis library. Another backend has none.
 */
export async function redisOf(queue: unknown): Promise<QueueRedis | undefined> {
  const backend = callable(queue, "getBackend")?.();
  const client: unknown = await (member(queue, "client") ?? member(backend, "client"));
  const run = runner(client);
  if (run === undefined) return undefined;
  return { run, isReady: () => (member(client, "status") ?? "ready") === "ready" };
}

function runner(client: unknown): RunScript | undefined {
  const evaluate = callable(client, "eval");
  if (evaluate !== undefined) {
    return async (script, keys, values) =>
      await evaluate(script.lua, keys.length, ...keys, ...values);
  }
  const define = callable(client, "defineCommand");
  const command = callable(client, "runCommand");
  if (define === undefined || command === undefined) return undefined;
  const known = new Set<string>();
  return async ({ name, keys: numberOfKeys, lua }, keys, values) => {
    if (!known.has(name)) define(name, { numberOfKeys, lua });
    known.add(name);
    return await command(name, [...keys, ...values]);
  };
}

function callable(value: unknown, method: string): Call | undefined {
  const found = member(value, method);
  if (typeof found !== "function") return undefined;
  return (...values) => Reflect.apply(found, value, values) as unknown;
}
