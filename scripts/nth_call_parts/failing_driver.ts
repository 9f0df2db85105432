import process from "node:process";
import type { OpenSqlite, SqliteDriver } from "../../src/buffer/sqlite_driver.ts";

/** Environment variable that makes the driver fail: `N once|ever message`. */
export const DRIVER_FAULT = "NTH_DRIVER_FAULT";

/**
 * Where no system call can be made to fail, the driver fails instead: its Nth
 * call, before it does anything. It cannot show what a failed sync leaves.
 * Answers what to ask before each call, or `null` where nothing is to fail.
 */
export function driverFault(): ((sql: string) => void) | null {
  const fault = process.env[DRIVER_FAULT];
  if (fault === undefined) return null;
  const [at = "1", mode = "once", ...words] = fault.split(" ");
  let calls = 0;
  return (sql) => {
    // SQLite needs no disk for it.
    if (sql.startsWith("ROLLBACK")) return;
    calls++;
    const fails = mode === "ever" ? calls >= Number(at) : calls === Number(at);
    if (fails) throw new Error(words.join(" "));
  };
}

/** A driver that fails as the environment says. */
export function failingDriver(open: OpenSqlite): OpenSqlite {
  const pass = driverFault();
  if (pass === null) return open;
  const watch = (driver: SqliteDriver): SqliteDriver => ({
    exec(sql) {
      pass(sql);
      driver.exec(sql);
    },
    prepare(sql) {
      const statement = driver.prepare(sql);
      return {
        run(...parameters) {
          pass(sql);
          return statement.run(...parameters);
        },
        get: (...parameters) => statement.get(...parameters),
        all: (...parameters) => statement.all(...parameters),
      };
    },
    close: () => driver.close(),
  });
  return (path) => {
    pass("");
    return watch(open(path));
  };
}
