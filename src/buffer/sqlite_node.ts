import type { StatementSync } from "node:sqlite";
import type { SqliteDriver, SqlRow, SqlValue } from "./sqlite_driver.ts";

/** Loads the `node:sqlite` driver of Deno and Node; fails where it is missing. */
export async function loadNodeSqlite(): Promise<(path: string) => SqliteDriver> {
  const { DatabaseSync } = await import("node:sqlite");
  return (path) => {
    const database = new DatabaseSync(path);
    return {
      exec: (sql) => database.exec(sql),
      prepare(sql) {
        const statement = database.prepare(sql);
        return {
          run: (...parameters) => Number(statement.run(...parameters).changes),
          get: (...parameters) =>
            read(statement, () => statement.get(...parameters) as SqlRow | undefined, rounded),
          all: (...parameters) =>
            read(
              statement,
              () => statement.all(...parameters) as unknown as readonly SqlRow[],
              (rows) => rows.map(rounded),
            ),
        };
      },
      close: () => database.close(),
    };
  };
}

/**
 * Reads once more where a row holds an integer beyond 2^53, which `node:sqlite` refuses. Only a
 * stranger can have stored it, and it must not hide all other rows.
 */
function read<T>(statement: StatementSync, rows: () => T, round: (rows: T) => T): T {
  try {
    return rows();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  statement.setReadBigInts(true);
  try {
    return round(rows());
  } finally {
    statement.setReadBigInts(false);
  }
}

/** The nearest number in place of each integer, as `bun:sqlite` answers it. */
function rounded<Row extends SqlRow | undefined>(row: Row): Row {
  if (row === undefined) return row;
  const one = (value: SqlValue): SqlValue => typeof value === "bigint" ? Number(value) : value;
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, one(value)])) as Row;
}
