import type { SqliteDriver, SqlRow } from "./sqlite_driver.ts";

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
          get: (...parameters) => statement.get(...parameters) as SqlRow | undefined,
          all: (...parameters) => statement.all(...parameters) as unknown as readonly SqlRow[],
        };
      },
      close: () => database.close(),
    };
  };
}
