import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EventStore } from "../../src/buffer/port.ts";
import { openSqliteStore } from "../../src/buffer/sqlite.ts";
import type { OpenSqlite, SqliteDriver } from "../../src/buffer/sqlite_driver.ts";
import { scalar } from "../../src/buffer/sqlite_schema.ts";
import type { Image } from "./disk.ts";
import { FILE_NAME, LIMITS, type Promised, textFor } from "./promise.ts";

const ALL = { maxCount: 100_000, maxBytes: 1_000_000_000 };

/** What a reopened file holds. */
export interface Contents {
  readonly texts: readonly string[];
  readonly losses: number;
}

/** What a state showed. */
export interface Verdict {
  /** Broken promises in words; none is well. */
  readonly broken: readonly string[];
  /** How many events that had been reported as stored are missing. */
  readonly lost: number;
}

/** Reopens states in one folder, with the code of the library. */
export class Reopener {
  readonly #folder: string;
  readonly #open: OpenSqlite;
  #driver: SqliteDriver | null = null;

  constructor(folder: string, open: OpenSqlite) {
    this.#folder = folder;
    this.#open = open;
  }

  /** Judges a state against what had been promised; with `twice` recovery is cut as well. */
  judge(image: Image, promised: Promised, twice: ((length: number) => number) | null): Verdict {
    this.#lay(image);
    const broken: string[] = [];
    let lost = 0;
    try {
      const store = this.#reopen();
      const contents = contentsOf(store);
      lost = compare(contents, promised, broken);
      const again = twice === null ? null : this.#cutImage(image, twice);
      this.#checkWhole(store, broken);
      if (again !== null) this.#recoverAgain(again, contents, broken);
    } catch (error) {
      broken.push(`cannot be reopened: ${String(error)} ${String((error as Error).cause ?? "")}`);
    }
    return { broken, lost };
  }

  #reopen(): EventStore {
    const driver: OpenSqlite = (path) => this.#driver = this.#open(path);
    return openSqliteStore({
      driver,
      path: join(this.#folder, FILE_NAME),
      limits: LIMITS,
      fingerprint: "crash states",
    });
  }

  #checkWhole(store: EventStore, broken: string[]): void {
    const driver = this.#driver;
    const verdict = driver === null ? "closed" : scalar(driver, "PRAGMA integrity_check");
    if (verdict !== "ok") broken.push(`integrity: ${String(verdict)}`);
    // A state that is read but takes no more events is no recovery.
    const text = textFor(1_000_000);
    void store.append([{ text, bytes: text.length, kind: "task.sent", class: "schedule" }]);
    void store.close();
  }

  /** What recovery had written when it was killed: it only appends to the log. */
  #cutImage(image: Image, cut: (length: number) => number): Image | null {
    const log = `${FILE_NAME}-wal`;
    const files = this.#files();
    const before = image.get(log)?.length ?? 0;
    const after = files.get(log) ?? new Uint8Array();
    if (image.has(`${FILE_NAME}-journal`) || after.length <= before) return files;
    const length = before + cut(after.length - before);
    return new Map([...files, [log, after.slice(0, length)]]);
  }

  #recoverAgain(image: Image, first: Contents, broken: string[]): void {
    this.#lay(image);
    const store = this.#reopen();
    const second = contentsOf(store);
    if (JSON.stringify(second) !== JSON.stringify(first)) {
      broken.push("a recovery that was killed and one that was not differ");
    }
    void store.close();
  }

  #files(): Image {
    const names = readdirSync(this.#folder).filter((name) => !name.endsWith("-shm"));
    return new Map(
      names.map((name) => [name, new Uint8Array(readFileSync(join(this.#folder, name)))]),
    );
  }

  #lay(image: Image): void {
    for (const name of readdirSync(this.#folder)) rmSync(join(this.#folder, name));
    for (const [name, bytes] of image) writeFileSync(join(this.#folder, name), bytes);
  }
}

function contentsOf(store: EventStore): Contents {
  const rows = store.read(0, ALL);
  if (rows instanceof Promise) throw new TypeError("a SQLite store answers at once");
  const losses = Object.values(store.losses()).reduce((sum, count) => sum + count, 0);
  return { texts: rows.map(({ text }) => text), losses };
}

/** Notes what differs; answers how many promised events are missing. */
function compare({ texts, losses }: Contents, promised: Promised, broken: string[]): number {
  const seen = new Set<number>();
  for (const text of texts) {
    const { n } = JSON.parse(text) as { readonly n: number };
    if (seen.has(n)) broken.push(`event ${n} is there twice`);
    if (n > promised.highest) broken.push(`event ${n} is foreign`);
    if (text !== textFor(n)) broken.push(`event ${n} is altered`);
    seen.add(n);
  }
  const missing = [...promised.stored].filter((n) => !seen.has(n));
  if (missing.length > 0) broken.push(`events ${missing.slice(0, 5).join()} are lost`);
  const evicted = [...promised.evicted].filter((n) => !seen.has(n)).length;
  if (evicted !== losses) broken.push(`${evicted} events were evicted, ${losses} are counted`);
  return missing.length;
}
