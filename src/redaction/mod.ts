/**
 * Redaction: removes secrets and personal data before anything leaves the
 * process, and makes any value printable as JSON.
 *
 * ```ts
 * import { createRedactor } from "@z4j/core/redaction";
 * import { deepEqual } from "node:assert/strict";
 *
 * deepEqual(createRedactor().redact({ password: "x", n: 1 }), { password: "[REDACTED]", n: 1 });
 * ```
 *
 * @module
 */
export { createRedactor, type Redactor, type RedactorOptions } from "./redactor.ts";
export {
  compilePathRules,
  type PathRule,
  type PathRuleProblem,
  pathRuleProblem,
  type PathRules,
  type PathState,
} from "./path_rules.ts";
export type { RedactionTrace, WalkOptions } from "./walk.ts";
export type { JsonArray, JsonObject, JsonPrimitive, JsonValue } from "../base/json.ts";
