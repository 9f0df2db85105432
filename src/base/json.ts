/** A value that JSON can hold. */
export type JsonValue = JsonPrimitive | JsonArray | JsonObject;
/** A scalar that JSON can hold; numbers are finite. */
export type JsonPrimitive = string | number | boolean | null;
/** An array of JSON values. */
export type JsonArray = readonly JsonValue[];
/** An object of JSON values. */
export interface JsonObject {
  /** A member by its name. */
  readonly [key: string]: JsonValue;
}

/** Tells whether a value is a plain JSON object: no array, no null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
