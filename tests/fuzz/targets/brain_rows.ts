import { ok, strictEqual as equal } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "../../../src/base/json.ts";
import { loadSqlite } from "../../../src/buffer/load_sqlite.ts";
import type { SqliteDriver, SqlRow } from "../../../src/buffer/sqlite_driver.ts";
import { type PeerAgent, wireEvent } from "../../_support/brain_peer.ts";
import { MARKUP } from "../grammar.ts";
import type { Random } from "../random.ts";
import type { FuzzBed, FuzzTarget } from "../target.ts";
import { type Asked, BrainBed, turns } from "./brain_bed.ts";

/** A column of a table that gets another value. */
interface CellCase {
  readonly table: string;
  /** Which of its columns, counted around. */
  readonly column: number;
  readonly value: string;
  /** Which of its rows, counted around; every one where it is missing. */
  readonly row?: number;
  /** Other columns of the same table. */
  readonly more?: readonly CellCase[];
}

/** Where the rows of each table are shown. */
const SHOWN: Readonly<Record<string, Asked>> = {
  agents: { lists: ["agents", "stats"], pages: ["/", "/fragments/agents"] },
  agent_workers: { lists: ["agent-workers", "agents"], pages: ["/", "/fragments/agents"] },
  events: { lists: ["stats"], pages: ["/"], tasks: 2 },
  event_counts: { lists: ["stats"], pages: ["/"] },
  tasks: { lists: ["tasks?limit=500", "stats"], pages: ["/fragments/tasks", "/"], tasks: 2 },
  workers: { lists: ["workers", "stats"], pages: ["/fragments/workers"] },
  queues: { lists: ["queues", "stats"], pages: ["/fragments/queues"] },
  commands: { lists: ["commands?limit=500", "stats"], pages: ["/fragments/commands"] },
};
const HEARTBEAT: JsonObject = {
  adapter_health: {
    "bullmq.queue_depths": { mail: 4 },
    "bullmq.worker_details": { w: { active_queues: ["mail"], stats: { pid: 1 } } },
  },
};
const TABLES = Object.keys(SHOWN);
const VALUES = ["NULL", "0", "-1", "1.5", "'x'", "''", "x''", "x'00ff'", "'{'", "'[1,'", "'{}'"]
  .concat("'[]'", "'[null,{}]'", '\'{"a":{"b":[]}}\'', "'null'", "'7'", "9e99", "-9e99", "1e400")
  .concat("9007199254740993", "9223372036854775807", "-9223372036854775808", "2147483648")
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
  const table = random.pick(TABLES);
  const cell = (): CellCase => ({
    ...{ table, column: random.below(1_000), value: random.pick(VALUES) },
    ...(random.below(3) === 0 ? {} : { row: random.below(12) }),
  });
  return { ...cell(), more: Array.from({ length: random.below(4) }, cell) };
}

class CellBed implements FuzzBed {
  readonly #directory: string;
  readonly #bed: BrainBed;
  readonly #peer: PeerAgent;
  readonly #raw: SqliteDriver;
  readonly #columns = new Map<string, readonly string[]>();
  readonly #rows = new Map<string, { readonly keys: readonly string[]; readonly rows: number }>();
  #cases = 0;

  private constructor(directory: string, bed: BrainBed, peer: PeerAgent, raw: SqliteDriver) {
    this.#peer = peer;
    this.#directory = directory;
    this.#bed = bed;
    this.#raw = raw;
    for (const table of TABLES) {
      raw.exec(`CREATE TEMP TABLE kept_${table} AS SELECT * FROM ${table}`);
      const infos = raw.prepare(`PRAGMA table_info(${table})`).all();
      const names = infos.map((row: SqlRow) => String(row["name"]));
      this.#columns.set(table, names.filter((name) => !KEYS.has(name)));
      const keys = infos.filter((row) => row["pk"] !== 0).map((row) => String(row["name"]));
      const rows = Number(raw.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"]);
      this.#rows.set(table, { keys, rows: Math.max(1, rows) });
    }
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
    return new CellBed(directory, bed, peer, raw);
  }

  async check(text: string): Promise<string> {
    const one = JSON.parse(text) as CellCase;
    const { table } = one;
    const sql = [one, ...one.more ?? []].map((cell) => this.#change(cell));
    // A value that the schema refuses stays out of a file as well.
    const taken = sql.filter((change) => this.#isTaken(change));
    if (taken.length === 0) return "refused by the schema";
    try {
      // Now and then whatever there is: a row is shown at more places than its own.
      await this.#bed.requireReadable(this.#cases++ % 50 === 0 ? undefined : SHOWN[table]);
      // With its own row changed it may be revoked.
      if (table !== "agents") await this.#requireWritable(table);
    } finally {
      this.#raw.exec(
        `BEGIN; DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM kept_${table}; COMMIT;`,
      );
    }
    return table;
  }

  /** An honest agent can go on whatever stands in the rows of others, and in its own. */
  async #requireWritable(table: string): Promise<void> {
    const id = `w${this.#cases}`;
    const { socket } = this.#peer;
    const seen = socket.sent.length;
    await this.#peer.send("heartbeat", `h${id}`, HEARTBEAT);
    await this.#peer.send("event_batch", id, { events: this.#events() });
    const answer = (): string | undefined =>
      socket.sent.slice(seen).find((sent) => sent.includes(`"acked_id":"${id}"`));
    await turns(
      `an ack beside a changed ${table}`,
      () => answer() !== undefined || socket.closeCode !== null,
    );
    ok(socket.closeCode === null, `closed with ${socket.closeCode} beside a changed ${table}`);
    const { payload } = JSON.parse(answer() ?? "");
    equal(payload.accepted, 2, JSON.stringify(payload));
    this.#bed.requireQuiet();
    socket.sent.length = 0;
  }

  #events(): JsonObject[] {
    const data = { task_name: "send", queue: "mail", worker: "w" };
    return ["mail:1", "mail:2"].map((task_id, n) =>
      wireEvent({ kind: n === 0 ? "task.started" : "task.succeeded", task_id, data })
    );
  }

  #change({ table, column: number, value, row }: CellCase): string {
    const columns = this.#columns.get(table) ?? [];
    const column = columns[number % columns.length] ?? "";
    const update = `UPDATE OR IGNORE ${table} SET ${column} = ${value}`;
    if (row === undefined) return update;
    const { keys, rows } = this.#rows.get(table) ?? { keys: [], rows: 1 };
    const list = keys.join(", ");
    return `${update} WHERE (${list}) = (SELECT ${list} FROM kept_${table} LIMIT 1 OFFSET ${
      row % rows
    })`;
  }

  #isTaken(sql: string): boolean {
    try {
      this.#raw.exec(sql);
      return true;
    } catch {
      return false;
    }
  }

  async finish(): Promise<void> {
    this.#raw.close();
    await this.#bed.close();
    rmSync(this.#directory, { recursive: true });
  }
}
