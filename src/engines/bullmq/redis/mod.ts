/** Connections of the engine's own, made from the class of the user's client. */
export type { RedisArgument, RedisRole } from "./client.ts";
export { createRedisOrigin, hasOtherStore } from "./origin.ts";
export type { RedisConnection, RedisOrigin } from "./origin.ts";
export { openRedis, REDIS_DEADLINE_MS } from "./link.ts";
export type { RedisAnswer, RedisLink, RedisLinkOptions } from "./link.ts";
