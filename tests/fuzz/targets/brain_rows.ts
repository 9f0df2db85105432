import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSqlite } from "../../../src/buffer/load_sqlite.ts";
import type { SqliteDriver, SqlRow } from "../../../src/buffer/sqlite_driver.ts";
import { MARKUP } from "../grammar.ts";
import type { Random } from "../random.ts";
import type { FuzzBed, FuzzTarget } from "../target.ts";
import { BrainBed } from "./brain_bed.ts";

/** One column of one table that gets another value. */
interface CellCase {
  readonly table: string;
  /** Which of its columns, counted around. */
  readonly column: number;
  readonly value: string;
}

const TABLES = ["agents", "agent_workers", "events", "event_counts", "tasks", "workers", "queues"]
  .concat("commands");
// No integer beyond 2^53: `node:sqlite` refuses to read one, and its row is an error there.
const VALUES = ["NULL", "0", "-1", "1.5", "'x'", "''", "x''", "x'00ff'", "'{'", "'[1,'", "'{}'"]
  .concat("'[]'", "'[null,{}]'", '\'{"a":{"b":[]}}\'', "'null'", "'7'", "9e99", "-9e99", "1e400")
  .concat("8640000000000001", "-8640000000000001", `'${MARKUP}'`, "char(0)")
  .concat("cast(x'fffe' AS TEXT)", "'failure'", "'offline'", "zeroblob(9000)", "'2026-01-01'");
// What tells rows apart or joins them: with another value the row is another one.
const KEYS: ReadonlySet<string> = new Set(["pk", "id", "project", "agent", "seq", "task"]);

/** The brain's file, of which somebody has changed a value. */
export const brainRowsTarget: FuzzTarget = {
  name: "brain_rows",
  perBed: 500,
  make: (random) => JSON.stringify(makeCase(random)),
  open: () => CellBed.open(),
};

function makeCase(random: Random): CellCase {
  const [table, value] = [random.pick(TABLES), random.pick(VALUES)];
  return { table, column: random.below(1_000), value };
}

class CellBed implements FuzzBed {
  readonly #directory: string;
  readonly #bed: BrainBed;
  readonly #raw: SqliteDriver;

  private constructor(directory: string, bed: BrainBed, raw: SqliteDriver) {
    this.#directory = directory;
    this.#bed = bed;
    this.#raw = raw;
  }

  static async open(): Promise<CellBed> {
    const directory = mkdtempSync(join(tmpdir(), "z4j-cells-"));
    const path = join(directory, "brain.db");
    const bed = await BrainBed.open({ path });
    const peer = await bed.connect();
    await bed.fill(peer);
    const body = { agent_id: bed.minted.agent.id, engine: "bullmq", task_id: "mail:1" };
    const headers = { "content-type": "application/json" };
    await bed.ask("/api/v1/projects/default/commands/cancel-task", {
      ...{ method: "POST", headers, body: JSON.stringify(body) },
    });
    const raw = (await loadSqlite())(path);
    raw.exec("PRAGMA synchronous = OFF");
    raw.exec("PRAGMA foreign_keys = OFF");
    return new CellBed(directory, bed, raw);
  }

  async check(text: string): Promise<string> {
    const { table, column: number, value } = JSON.parse(text) as CellCase;
    const columns = this.#raw.prepare(`PRAGMA table_info(${table})`).all()
      .map((row: SqlRow) => String(row["name"])).filter((name) => !KEYS.has(name));
    const column = columns[number % columns.length];
    if (column === undefined) return `no ${table}`;
    this.#raw.exec(`CREATE TEMP TABLE kept AS SELECT * FROM ${table}`);
    try {
      this.#raw.exec(`UPDATE OR IGNORE ${table} SET ${column} = ${value}`);
    } catch {
      this.#raw.exec("DROP TABLE kept");
      return "refused by the schema";
    }
    try {
      await this.#bed.requireReadable();
    } finally {
      this.#raw.exec(
        `BEGIN; DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM kept; COMMIT;`,
      );
      this.#raw.exec("DROP TABLE kept");
    }
    return table;
  }

  async finish(): Promise<void> {
    this.#raw.close();
    await this.#bed.close();
    rmSync(this.#directory, { recursive: true });
  }
}
