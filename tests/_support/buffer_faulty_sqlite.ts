import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import type { OpenSqlite, SqliteStatement } from "../../src/buffer/sqlite_driver.ts";

/** SQLite that fails on demand. */
export interface FaultySqlite {
  /** Opens a file with it. */
  readonly open: OpenSqlite;
  /** What fails, and how: tried on `<path> open`, `<path> close`, `<path> prepare <statement>` and `<path> <statement>`. */
  readonly faults: Map<RegExp, Error>;
  /** The files that were opened and not closed. */
  readonly left: readonly string[];
}

/** Creates one over the runtime's own SQLite. */
export async function faultySqlite(): Promise<FaultySqlite> {
  const openReal = await loadSqlite();
  const faults = new Map<RegExp, Error>();
  const left: string[] = [];
  const check = (call: string): void => {
    for (const [pattern, error] of faults) if (pattern.test(call)) throw error;
  };
  const open: OpenSqlite = (path) => {
    check(`${path} open`);
    const real = openReal(path);
    left.push(path);
    return {
      exec(sql) {
        check(`${path} ${sql}`);
        real.exec(sql);
      },
      prepare(sql) {
        check(`${path} prepare ${sql}`);
        return watched(real.prepare(sql), () => check(`${path} ${sql}`));
      },
      close() {
        real.close();
        left.splice(left.indexOf(path), 1);
        check(`${path} close`);
      },
    };
  };
  return { open, faults, left };
}

function watched(statement: SqliteStatement, check: () => void): SqliteStatement {
  return {
    run(...parameters) {
      check();
      return statement.run(...parameters);
    },
    get(...parameters) {
      check();
      return statement.get(...parameters);
    },
    all(...parameters) {
      check();
      return statement.all(...parameters);
    },
  };
}

/** What SQLite says of a damaged file. */
export const DAMAGED: Error = new Error("database disk image is malformed");
/** What SQLite says of a disk that fails. */
export const DISK_ERROR: Error = new Error("disk I/O error");
