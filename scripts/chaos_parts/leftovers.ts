import { readdirSync } from "node:fs";
import { join } from "node:path";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";

/** How many events wait in the SQLite buffers of a home; files set aside do not count. */
export async function waitingRows(home: string): Promise<number> {
  const open = await loadSqlite();
  const files = readdirSync(home).filter((name) => name.endsWith(".sqlite"));
  let total = 0;
  for (const name of files) {
    try {
      const database = open(join(home, name));
      const [row] = database.prepare("SELECT count(*) AS n FROM entries").all();
      total += Number(row?.["n"] ?? 0);
      database.close();
    } catch {
      // Its owner removed it meanwhile, or it never got a table.
    }
  }
  return total;
}

/** How many files are left in a home once every process has ended. */
export function filesLeft(home: string): number {
  return readdirSync(home, { withFileTypes: true }).filter((entry) => entry.isFile()).length;
}
