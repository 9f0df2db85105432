/**
 * Ways to reach a brain, and the port for others.
 *
 * ```ts
 * import { createWebSocketTransport } from "@z4j/core/transport";
 * import { equal } from "node:assert/strict";
 *
 * const transport = createWebSocketTransport({ brainUrl: "http://localhost:7700", token: "t" });
 * equal(transport.name, "websocket");
 * ```
 *
 * @module
 */
export * from "./port.ts";
export { createFailoverTransport, type FailoverOptions } from "./failover.ts";
export { createLongPollTransport, type LongPollTransportOptions } from "./long_poll.ts";
export type { FetchLike } from "./long_poll_http.ts";
export { createWebSocketTransport, type WebSocketTransportOptions } from "./websocket.ts";
export type { WebSocketFactory, WebSocketInit, WebSocketLike } from "./socket_like.ts";
export type { CancelTimer, Clock } from "../base/clock.ts";
export type { HelloPayload } from "../protocol/frames.ts";
export type { JsonArray, JsonObject, JsonPrimitive, JsonValue } from "../base/json.ts";
