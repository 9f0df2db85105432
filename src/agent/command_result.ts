import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import type { ActionOutcome } from "../engines/contract.ts";
import { encodeCanonical } from "../protocol/canonical_json.ts";
import { MAX_ERROR_CHARS, MAX_RESULT_BYTES } from "./limits.ts";
import type { RedactorLike } from "./recorder.ts";
import { utf8Length } from "./utf8_length.ts";

/** Outcome in wire spelling, without the claim token (protocol section 17.6). */
export interface WireResult {
  /** The two words that a brain accepts. */
  readonly status: "success" | "failed";
  /** Facts of the outcome. */
  readonly result: JsonObject | null;
  /** Why it failed. */
  readonly error: string | null;
}

/** The one place that maps an outcome to the wire. Redacts and bounds it. */
export function wireResult(outcome: ActionOutcome, redactor: RedactorLike): WireResult {
  const { status, result, error } = spell(outcome);
  return {
    status,
    result: result === null ? null : boundResult(result, redactor),
    error: error === null ? null : boundError(error, redactor),
  };
}

/** Canonical payload text of a result for one delivery. */
export function resultPayload(result: WireResult, claimToken: string | null): string {
  return encodeCanonical({ ...result, delivery_claim_token: claimToken });
}

/** The same result, marked as an answer to a repeated command. */
export function deduplicated(result: WireResult): WireResult {
  if (result.status === "failed") return result;
  return { ...result, result: { ...result.result, deduplicated: true } };
}

function spell(outcome: ActionOutcome): WireResult {
  switch (outcome.status) {
    case "done":
      return { status: "success", result: outcome.result, error: null };
    case "noop":
      return {
        status: "success",
        result: { ...outcome.result, noop: true, reason: outcome.reason },
        error: null,
      };
    case "refused":
      return { status: "failed", result: null, error: outcome.reason };
    case "failed":
      return { status: "failed", result: outcome.result ?? null, error: outcome.error };
    case "indeterminate":
      return {
        status: "failed",
        result: { ...outcome.result, indeterminate: true },
        error: outcome.reason,
      };
  }
}

function boundResult(result: JsonObject, redactor: RedactorLike): JsonObject {
  const clean: JsonValue = redactor.redact(result);
  if (!isJsonObject(clean)) return {};
  const bytes = utf8Length(encodeCanonical(clean));
  return bytes <= MAX_RESULT_BYTES ? clean : { truncated: true, bytes };
}

function boundError(error: string, redactor: RedactorLike): string {
  const clean = redactor.redact(error);
  const text = typeof clean === "string" && clean !== "" ? clean : "failed without a message";
  // Cutting by code points never leaves half a surrogate pair.
  return text.length <= MAX_ERROR_CHARS ? text : [...text].slice(0, MAX_ERROR_CHARS).join("");
}
