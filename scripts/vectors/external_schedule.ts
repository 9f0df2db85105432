import { isJsonObject, type JsonObject, type JsonValue } from "../../src/base/json.ts";
import { errorText, isZ4jError } from "../../src/base/errors.ts";
import {
  canonicalText,
  projectionBody,
  projectionDigest,
  type ProjectionInput,
  scheduleScope,
  snapshotFrameBody,
  snapshotFrameDigest,
  type SnapshotFrameInput,
} from "../../src/protocol/external_schedule.ts";
import { normalizeScheduleRow } from "../../src/protocol/external_schedule_row.ts";
import { compareCodePoints } from "../../src/protocol/json_text.ts";
import {
  JsonFloat,
  type JsonTree,
  JsonTreeObject,
  parseJsonTree,
  printCanonical,
  treeToValue,
} from "../../src/protocol/json_tree.ts";

/** Inputs of a job; their numbers must stay as they are written. */
const OPAQUE: ReadonlySet<string> = new Set(["args", "kwargs"]);

interface Answer {
  /** The row or body; absent for a scope. */
  readonly body?: object;
  readonly digest?: string;
  readonly scope?: string;
}

/**
 * Checks one case of the external schedule vectors.
 *
 * @param c The case as plain values.
 * @param rawTree The same case, parsed with its numbers kept; without it, `2.0`
 * and `2` cannot be told apart.
 * @returns `null` when it holds, else what does not.
 */
export async function checkExternalScheduleCase(
  c: Record<string, unknown>,
  rawTree?: JsonTree,
): Promise<string | null> {
  const tree = rawTree ?? parseJsonTree(JSON.stringify(c));
  if (!(tree instanceof JsonTreeObject)) return "the case is not an object";
  let answer: Answer;
  try {
    answer = await answerOf(tree);
  } catch (error) {
    if (c["rejected"] === true && isZ4jError(error)) return null;
    return `failed with: ${errorText(error)}`;
  }
  if (c["rejected"] === true) return "was accepted, must be refused";
  return compare(tree, answer);
}

async function answerOf(tree: JsonTreeObject): Promise<Answer> {
  const op = tree.get("op");
  if (op === "scope") return { scope: scheduleScope(String(tree.get("owner"))) };
  const input = tree.get("input");
  if (!(input instanceof JsonTreeObject)) throw new TypeError("the case has no input");
  if (op === "normalize") {
    return { body: normalizeScheduleRow(rowInput(input), String(tree.get("owner"))) };
  }
  if (op === "projection") {
    const body = projectionBody(bodyInput(input) as unknown as ProjectionInput);
    return { body, digest: await projectionDigest(body, printMixed) };
  }
  if (op === "snapshot_frame") {
    const body = snapshotFrameBody(bodyInput(input) as unknown as SnapshotFrameInput);
    return { body, digest: await snapshotFrameDigest(body, printMixed) };
  }
  throw new TypeError(`unknown op ${String(op)}`);
}

function compare(tree: JsonTreeObject, answer: Answer): string | null {
  if (answer.scope !== undefined) return equal("scope", tree.get("scope"), answer.scope);
  const text = canonicalText(answer.body ?? {}, printMixed);
  const expected = tree.get("output") ?? tree.get("body");
  if (expected === undefined) return "the case has neither output nor body";
  return equal("body", printCanonical(expected), text) ??
    equal("canonical", tree.get("canonical"), text) ??
    (answer.digest === undefined ? null : equal("digest", tree.get("digest"), answer.digest));
}

function equal(what: string, expected: JsonTree | undefined, actual: string): string | null {
  return expected === actual ? null : `${what} is ${actual}, expected ${String(expected)}`;
}

function bodyInput(input: JsonTreeObject): JsonObject {
  return members(input, (key, value) => {
    if (key !== "schedules" || !Array.isArray(value)) return treeToValue(value);
    return value.map((row) => row instanceof JsonTreeObject ? rowInput(row) : treeToValue(row));
  });
}

function rowInput(input: JsonTreeObject): JsonObject {
  return members(input, (key, value) => OPAQUE.has(key) ? mixed(value) : treeToValue(value));
}

/** Plain containers whose numbers are still the nodes of the parsed text. */
function mixed(tree: JsonTree): JsonValue {
  if (tree instanceof JsonTreeObject) return members(tree, (_key, value) => mixed(value));
  return (Array.isArray(tree) ? tree.map(mixed) : tree) as JsonValue;
}

function members(
  tree: JsonTreeObject,
  convert: (key: string, value: JsonTree) => JsonValue,
): JsonObject {
  return Object.fromEntries(
    tree.keys.map((key, index) => [key, convert(key, tree.values[index] ?? null)]),
  );
}

function printMixed(value: JsonValue): string {
  return printCanonical(toTree(value));
}

function toTree(value: unknown): JsonTree {
  if (value instanceof JsonFloat) return value;
  if (Array.isArray(value)) return value.map(toTree);
  if (!isJsonObject(value)) return value as JsonTree;
  const keys = Object.keys(value).sort(compareCodePoints);
  return new JsonTreeObject(keys, keys.map((key) => toTree(value[key])));
}
