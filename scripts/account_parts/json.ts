import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** What JSON can say. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json };

/** A JSON object. */
export type JsonObject = { readonly [name: string]: Json };

/** Whether a value is a JSON object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads an account; `null` when that script was not run yet. */
export function readAccount(path: string): JsonObject | null {
  if (!existsSync(path)) return null;
  const value = JSON.parse(readFileSync(path, "utf8")) as Json;
  if (!isObject(value)) throw new Error(`Cannot read ${path}: expected one JSON object`);
  return value;
}

/**
 * Keeps what a script found where the account is made from. A folder of the run is
 * left out: it is a path of one machine.
 */
export function keepAccount(path: string, account: object): void {
  const text = JSON.stringify(account, (name, value) => name === "folder" ? undefined : value, 2);
  writeFileSync(path, `${text}\n`);
}

/** The member at a path like `account.lost`, or `undefined`. */
export function at(value: Json | undefined, path: string): Json | undefined {
  let here = value;
  for (const name of path.split(".")) {
    if (!isObject(here)) return undefined;
    here = here[name];
  }
  return here;
}
