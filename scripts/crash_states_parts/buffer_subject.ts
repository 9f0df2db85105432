import { loadDenoKv } from "../../src/buffer/deno_kv.ts";
import { openKvStore } from "../../src/buffer/kv_store.ts";
import type { EventStore } from "../../src/buffer/port.ts";
import { openSqliteStore } from "../../src/buffer/sqlite.ts";
import type { OpenSqlite, SqliteDriver } from "../../src/buffer/sqlite_driver.ts";
import { scalar } from "../../src/buffer/sqlite_schema.ts";
import {
  apply,
  FILE_NAME,
  LIMITS,
  lookAhead,
  type Mark,
  nothingPromised,
  type Promised,
  textFor,
} from "./buffer_promise.ts";
import type { Reopened, Subject } from "./subject.ts";

const ALL = { maxCount: 100_000, maxBytes: 1_000_000_000 };

/** What a reopened buffer holds. */
interface Contents {
  readonly texts: readonly string[];
  readonly losses: number;
}

/** The agent's buffer in a SQLite file. */
export function bufferSubject(open: OpenSqlite): Subject {
  return subjectOf((path, promised) => {
    let driver: SqliteDriver | undefined;
    const store = openSqliteStore({
      driver: (path) => driver = open(path),
      path,
      limits: LIMITS,
      fingerprint: "crash states",
    });
    const verify = (broken: string[]): void => {
      const verdict = driver === undefined ? "closed" : scalar(driver, "PRAGMA integrity_check");
      if (verdict !== "ok") broken.push(`integrity: ${String(verdict)}`);
    };
    return Promise.resolve(new ReopenedBuffer(store, promised, verify));
  });
}

/** The agent's buffer in Deno KV. */
export function kvSubject(): Subject {
  return subjectOf(async (path, promised) => {
    const store = await openKvStore({ kv: await loadDenoKv(path), limits: LIMITS });
    return new ReopenedBuffer(store, promised, () => {});
  });
}

function subjectOf(open: (path: string, promised: Promised) => Promise<Reopened>): Subject {
  const promised = nothingPromised();
  return {
    script: "scripts/crash_states_parts/buffer_writer.ts",
    file: FILE_NAME,
    prepare: lookAhead,
    apply: (mark) => apply(promised, mark as Mark),
    isPromise: (mark) => (mark as Mark).stored !== undefined,
    reopen: (path) => open(path, promised),
  };
}

class ReopenedBuffer implements Reopened {
  readonly #store: EventStore;
  readonly #promised: Promised;
  readonly #verify: (broken: string[]) => void;

  constructor(store: EventStore, promised: Promised, verify: (broken: string[]) => void) {
    this.#store = store;
    this.#promised = promised;
    this.#verify = verify;
  }

  async contents(): Promise<string> {
    return JSON.stringify(await this.#contents());
  }

  async compare(broken: string[]): Promise<number> {
    return compare(await this.#contents(), this.#promised, broken);
  }

  async use(broken: string[]): Promise<void> {
    this.#verify(broken);
    const text = textFor(1_000_000);
    await this.#store.append([{ text, bytes: text.length, kind: "task.sent", class: "schedule" }]);
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  async #contents(): Promise<Contents> {
    const rows = await this.#store.read(0, ALL);
    const losses = Object.values(this.#store.losses()).reduce((sum, count) => sum + count, 0);
    return { texts: rows.map(({ text }) => text), losses };
  }
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
