import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { loadDenoKv } from "../../src/buffer/deno_kv.ts";
import { openKvOwned } from "../../src/buffer/kv_store.ts";
import { openSqliteStore } from "../../src/buffer/sqlite.ts";
import type { OpenSqlite } from "../../src/buffer/sqlite_driver.ts";
import { scalar } from "../../src/buffer/sqlite_schema.ts";
import { BRAIN_NAME, padOf } from "./marks.ts";

/** Events by number that were found somewhere, and what is wrong with them. */
export interface Rows {
  readonly numbers: ReadonlySet<number>;
  readonly broken: readonly string[];
}

/** What the buffers of a folder hold, opened as the next process would. */
export async function bufferRows(open: OpenSqlite, folder: string, trial: string): Promise<Rows> {
  const numbers = new Set<number>();
  const broken: string[] = [];
  for (const name of readdirSync(folder)) {
    if (name.includes(".corrupt-")) broken.push(`${name} was set aside as damaged`);
    try {
      for (const text of await textsOf(open, join(folder, name))) {
        const n = numberOf(JSON.parse(text) as EventText, trial, broken);
        if (n === null) continue;
        if (numbers.has(n)) broken.push(`event ${n} is in the buffer twice`);
        numbers.add(n);
      }
    } catch (error) {
      broken.push(`${name} cannot be opened: ${String(error)}`);
    }
  }
  return { numbers, broken };
}

async function textsOf(open: OpenSqlite, path: string): Promise<string[]> {
  const store = path.endsWith(".sqlite")
    ? openSqliteStore({ driver: open, path })
    : path.endsWith(".kv")
    ? await openKvOwned({ kv: await loadDenoKv(path) })
    : null;
  if (store === null) return [];
  try {
    const rows = await store.read(0, { maxCount: 100_000, maxBytes: 1_000_000_000 });
    return rows.map(({ text }) => text);
  } finally {
    await store.close();
  }
}

/** The part of an event that says what it must be. */
export interface EventText {
  readonly task_id?: unknown;
  readonly data?: { readonly kwargs?: { readonly pad?: unknown } };
}

/** Number of an event of a trial; what is foreign or altered is noted. */
export function numberOf(event: EventText, trial: string, broken: string[]): number | null {
  const [, of = "", digits = ""] = /^(.*):(\d+)$/.exec(String(event.task_id)) ?? [];
  const n = Number(digits);
  if (of !== trial || digits === "") {
    broken.push(`event ${String(event.task_id)} is foreign`);
    return null;
  }
  if (event.data?.kwargs?.pad !== padOf(n)) broken.push(`event ${n} is altered`);
  return n;
}

/** What the brain's database holds: events, and names of agents. */
export function brainRows(
  open: OpenSqlite,
  folder: string,
  trial: string,
): Rows & { readonly agents: ReadonlySet<string> } {
  const numbers = new Set<number>();
  const broken: string[] = [];
  const path = join(folder, BRAIN_NAME);
  const nothing = { numbers, broken, agents: new Set<string>() };
  if (!existsSync(path)) return nothing;
  const driver = open(path);
  try {
    if (Number(scalar(driver, "PRAGMA user_version")) === 0) return nothing;
    const verdict = scalar(driver, "PRAGMA integrity_check");
    if (verdict !== "ok") broken.push(`the database: ${String(verdict)}`);
    for (const { task_id, data } of driver.prepare("SELECT task_id, data FROM events").all()) {
      const event = { task_id, data: JSON.parse(String(data)) as EventText["data"] & object };
      const n = numberOf(event, trial, broken);
      if (n !== null && numbers.has(n)) broken.push(`event ${n} is in the brain twice`);
      if (n !== null) numbers.add(n);
    }
    const agents = driver.prepare("SELECT name FROM agents").all();
    return { ...nothing, agents: new Set(agents.map(({ name }) => String(name))) };
  } catch (error) {
    broken.push(`the database cannot be read: ${String(error)}`);
    return nothing;
  } finally {
    driver.close();
  }
}
