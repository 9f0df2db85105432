import { copyFileSync, mkdirSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import type { SqliteDriver } from "../../src/buffer/sqlite_driver.ts";

/** Name of the file of marks in the writer's folder. */
export const MARKS_NAME = "marks";
/** Name of the folder, in the writer's, that keeps the files of a writer without a trace. */
export const KEPT_NAME = "kept";

/** Sync as the library does, or less, to see that the search finds what this loses. */
export type Synchronous = "FULL" | "NORMAL";
/** How the steps of a writer become known. */
export type Tracing = "strace" | "prefixes";

/** What a writer was asked: `writer.ts FOLDER FULL|NORMAL strace|prefixes SUBJECT`. */
export interface WriterTask {
  readonly path: string;
  readonly synchronous: Synchronous;
  readonly subject: string;
  /** Whether the log must only grow. */
  readonly keepsLog: boolean;
  /** Says what was promised by now. */
  mark(facts: unknown): void;
  /** To call before the last connection closes. */
  end(): void;
}

/** Reads the arguments of a writer and opens its marks. */
export async function startWriter(file: string): Promise<WriterTask> {
  const [folder = "", synchronous = "FULL", tracing = "strace", subject = ""] = process.argv
    .slice(2);
  const path = join(folder, file);
  const log = `${path}-wal`;
  const marks = openSync(join(folder, MARKS_NAME), "w");
  const keeper = tracing === "prefixes" ? await holdLog(path) : null;
  return {
    path,
    synchronous: synchronous as Synchronous,
    subject,
    keepsLog: keeper !== null,
    mark(facts) {
      const line = keeper === null ? facts : { log: statSync(log).size, facts };
      writeSync(marks, `${JSON.stringify(line)}\n`);
    },
    end() {
      if (keeper === null) return;
      const kept = join(folder, KEPT_NAME);
      mkdirSync(kept);
      copyFileSync(path, join(kept, file));
      copyFileSync(log, join(kept, `${file}-wal`));
      keeper.close();
    },
  };
}

/**
 * Without a trace the log itself has to tell what was written when: a reader of
 * its beginning keeps every checkpoint away, so that it only grows.
 */
async function holdLog(path: string): Promise<SqliteDriver> {
  const driver = (await loadSqlite())(path);
  driver.prepare("PRAGMA journal_mode = WAL").get();
  driver.exec("BEGIN");
  driver.prepare("SELECT count(*) FROM sqlite_schema").get();
  return driver;
}
