import type { Points } from "./points.ts";

/** What one transaction wrote. */
type Write = "append" | "remove";

/** What to watch in the SQLite of this process. */
export interface SqlWatch {
  /** Table whose rows are the events. */
  readonly table: string;
  /** The places of this process. */
  readonly points: Points;
  /** Planted fault: commits answer at once and are carried out later, several as one. */
  readonly lateCommits?: boolean;
}

interface Statement {
  run: (...parameters: unknown[]) => unknown;
}
interface DatabasePrototype {
  prepare(sql: string): Statement;
  [execute: string]: (sql: string) => unknown;
}

const LATE_MS = 400;

/**
 * Makes places out of what this process does in SQLite, by wrapping the driver
 * of the runtime: nothing in the library knows of it.
 */
export async function watchSql(watch: SqlWatch): Promise<void> {
  const { prototype, execute } = await driverOfRuntime();
  const state = { write: null as Write | null, isLate: false };
  const original = { prepare: prototype.prepare, execute: prototype[execute] ?? noDriver };
  const isAppend = new RegExp(`^\\s*INSERT\\b.*\\bINTO\\s+${watch.table}\\b`, "is");
  const isRemove = new RegExp(`^\\s*DELETE\\s+FROM\\s+${watch.table}\\b`, "i");

  prototype.prepare = function (sql) {
    const statement = original.prepare.call(this, sql);
    const write = isAppend.test(sql) ? "append" : isRemove.test(sql) ? "remove" : null;
    if (write === null) return statement;
    const run = statement.run.bind(statement);
    statement.run = (...parameters) => {
      state.write ??= write;
      const result = run(...parameters);
      if (write === "append") watch.points.hit("mid-append");
      return result;
    };
    return statement;
  };

  prototype[execute] = function (sql) {
    const call = (): unknown => original.execute.call(this, sql);
    watch.points.hit("open");
    if (sql.startsWith("BEGIN")) {
      state.write = null;
      return state.isLate ? undefined : call();
    }
    if (sql !== "COMMIT") return call();
    const { write } = state;
    if (write !== null) watch.points.hit(`before-${write}`);
    const result = watch.lateCommits === true ? postpone(state, call) : call();
    if (write !== null) watch.points.hit(`after-${write}`);
    return result;
  };
}

function postpone(state: { isLate: boolean }, commit: () => unknown): void {
  if (state.isLate) return;
  state.isLate = true;
  setTimeout(() => {
    state.isLate = false;
    commit();
  }, LATE_MS);
}

function noDriver(): never {
  throw new Error("Cannot watch SQLite: the driver of this runtime has another shape");
}

async function driverOfRuntime(): Promise<
  { readonly prototype: DatabasePrototype; readonly execute: string }
> {
  if ("Bun" in globalThis) {
    const name = "bun:sqlite";
    const { Database } = await import(name) as { Database: { prototype: DatabasePrototype } };
    return { prototype: Database.prototype, execute: "run" };
  }
  const { DatabaseSync } = await import("node:sqlite");
  return { prototype: DatabaseSync.prototype as unknown as DatabasePrototype, execute: "exec" };
}
