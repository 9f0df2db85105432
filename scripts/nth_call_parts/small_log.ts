// A small log, so that a short run has checkpoints.
const PAGES = 24;

type Execute = (this: unknown, sql: string, ...rest: unknown[]) => unknown;

/** Lets the brain of this process checkpoint early, by changing what reaches SQLite. */
export async function watchBrainDriver(): Promise<void> {
  const { prototype, execute } = await driverOfRuntime();
  const original = prototype[execute];
  if (original === undefined) throw new Error("the driver of this runtime has another shape");
  prototype[execute] = function (sql, ...rest) {
    const text = sql.replace(/wal_autocheckpoint = \d+/, `wal_autocheckpoint = ${PAGES}`);
    return original.call(this, text, ...rest);
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
