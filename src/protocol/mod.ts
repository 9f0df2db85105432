/**
 * The z4j wire protocol 2: canonical JSON, signing, verification, frames.
 *
 * ```ts
 * import { encodeCanonical } from "@z4j/core/protocol";
 * import { equal } from "node:assert/strict";
 *
 * equal(encodeCanonical({ b: 1e21, a: "é" }), '{"a":"é","b":1e+21}');
 * ```
 *
 * @module
 */
export { encodeCanonical } from "./canonical_json.ts";
export { CLOSE, type CloseClass, type CloseDescription, describeClose } from "./close_codes.ts";
export * from "./frames.ts";
export * from "./handshake_frames.ts";
export { decodeHmacSecret, type HmacKey, importHmacKey, type SecretProblem } from "./hmac.ts";
export type { SessionIdentity } from "./identity.ts";
export {
  JsonFloat,
  type JsonTree,
  JsonTreeObject,
  parseJsonBytes,
  parseJsonTree,
  printCanonical,
  treeToValue,
} from "./json_tree.ts";
export {
  acceptsLegacyPurgeToken,
  computePurgeToken,
  type PurgeCheck,
  type PurgeVerdict,
  verifyPurgeToken,
} from "./purge_token.ts";
export * from "./signing.ts";
export type { JsonArray, JsonObject, JsonPrimitive, JsonValue } from "../base/json.ts";
export { type CancelTimer, type Clock, systemClock } from "../base/clock.ts";
