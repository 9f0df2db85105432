import type { SqliteDriver, SqlRow, SqlValue } from "./sqlite_driver.ts";

// `bun:sqlite` has no types outside Bun, so the shim names the part it uses.
interface BunStatement {
  run(...parameters: readonly SqlValue[]): { readonly changes: number };
  get(...parameters: readonly SqlValue[]): SqlRow | null;
  all(...parameters: readonly SqlValue[]): SqlRow[];
  finalize(): void;
}
interface BunDatabase {
  run(sql: string): unknown;
  prepare(sql: string): BunStatement;
  close(): void;
}
interface BunSqlite {
  readonly Database: new (path: string, options: { readonly create: boolean }) => BunDatabase;
}

/** Loads the `bun:sqlite` driver; fails on other runtimes. */
export async function loadBunSqlite(): Promise<(path: string) => SqliteDriver> {
  const { Database } = await import("bun:sqlite") as unknown as BunSqlite;
  return (path) => {
    const database = new Database(path, { create: true });
    const statements: BunStatement[] = [];
    return {
      exec: (sql) => void database.run(sql),
      prepare(sql) {
        const statement = database.prepare(sql);
        statements.push(statement);
        return {
          run: (...parameters) => statement.run(...parameters).changes,
          get: (...parameters) => statement.get(...parameters) ?? undefined,
          all: (...parameters) => statement.all(...parameters),
        };
      },
      close() {
        // An open statement would keep the file and its locks open until it is
        // garbage collected.
        for (const statement of statements.splice(0)) statement.finalize();
        database.close();
      },
    };
  };
}
