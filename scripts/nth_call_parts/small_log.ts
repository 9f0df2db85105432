import process from "node:process";
import { driverFault } from "./failing_driver.ts";

/** Environment variable that weakens the syncs of a control. */
export const UNSYNCED = "NTH_UNSYNCED";

/** What a host changes in SQL: a small log, so that a short run has checkpoints. */
export function changedSql(sql: string, pages: number): string {
  const small = sql.replace(/wal_autocheckpoint = [1-9]\d*/, `wal_autocheckpoint = ${pages}`);
  if (process.env[UNSYNCED] === undefined) return small;
  return small.replace("synchronous = FULL", "synchronous = NORMAL");
}

const PAGES = 24;

type Execute = (this: unknown, sql: string, ...rest: unknown[]) => unknown;

/** Lets the brain of this process checkpoint early, by changing what reaches SQLite. */
export async function watchBrainDriver(): Promise<void> {
  const { prototype, execute } = await driverOfRuntime();
  const original = prototype[execute];
  if (original === undefined) throw new Error("the driver of this runtime has another shape");
  const pass = driverFault();
  prototype[execute] = function (sql, ...rest) {
    pass?.(sql);
    return original.call(this, changedSql(sql, PAGES), ...rest);
  };
}

async function driverOfRuntime(): Promise<
  { readonly prototype: Record<string, Execute | undefined>; readonly execute: string }
> {
  if ("Bun" in globalThis) {
    const name = "bun:sqlite";
    const { Database } = await import(name) as {
      Database: { prototype: Record<string, Execute | undefined> };
    };
    return { prototype: Database.prototype, execute: "run" };
  }
  const { DatabaseSync } = await import("node:sqlite");
  const prototype = DatabaseSync.prototype as unknown as Record<string, Execute | undefined>;
  return { prototype, execute: "exec" };
}
