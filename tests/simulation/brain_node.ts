import { noopLogger } from "../../src/base/logger.ts";
import type { JsonValue } from "../../src/base/json.ts";
import { agentByTokenHash, insertAgent } from "../../src/brain/agents.ts";
import { createChangeFeed } from "../../src/brain/changes.ts";
import { insertCommand, type StoredCommand } from "../../src/brain/commands.ts";
import type { BrainContext } from "../../src/brain/context.ts";
import { type Database, openDatabase } from "../../src/brain/database.ts";
import { commandPayload, Dispatcher } from "../../src/brain/dispatcher.ts";
import { ExternalSchedules } from "../../src/brain/external_schedules.ts";
import { type ClosableGateway, createGateway } from "../../src/brain/gateway.ts";
import type { GatewayParts } from "../../src/brain/gateway_parts.ts";
import { Ingestor } from "../../src/brain/ingest.ts";
import { DEFAULT_LIMITS } from "../../src/brain/limits.ts";
import { createProject } from "../../src/brain/projects.ts";
import { SessionRegistry } from "../../src/brain/sessions.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import type { Choices } from "./choices.ts";
import { virtualKey } from "./virtual_key.ts";
import { type Life, newLife, type World } from "./world.ts";

const TABLES = [
  "events",
  "event_counts",
  "tasks",
  "commands",
  "agent_workers",
  "workers",
  "worker_evidence",
  "queues",
  "agents",
  "projects",
] as const;

/** Opens the one database of all schedules: a schedule begins by emptying it. */
export async function openBrainDisk(): Promise<Database> {
  const db = openDatabase(await loadSqlite(), ":memory:");
  return db;
}

/**
 * The real brain below HTTP on a database whose commits are synced: what a crash
 * takes is everything else.
 */
export class BrainNode {
  life: Life = newLife();
  /** Version of the project's secret. */
  secret = 1;
  readonly #db: Database;
  readonly #world: World;
  readonly #choices: Choices;
  readonly #redact: (value: JsonValue) => JsonValue;
  #uuids = 0;
  #project = 0;
  #parts: GatewayParts | null = null;
  #gateway: ClosableGateway | null = null;

  constructor(parts: {
    readonly db: Database;
    readonly world: World;
    readonly choices: Choices;
    readonly redact: (value: JsonValue) => JsonValue;
  }) {
    this.#db = parts.db;
    this.#world = parts.world;
    this.#choices = parts.choices;
    this.#redact = parts.redact;
  }

  /** Empties the disk and takes these agents, whose names are their tokens. */
  install(agents: readonly string[]): void {
    this.start();
    const { context } = this.#live();
    this.#db.transaction(() => {
      for (const table of TABLES) this.#db.run(`DELETE FROM ${table}`);
      createProject(context, "simulated", "Simulated");
      this.#project = Number(this.#db.get("SELECT pk FROM projects")?.["pk"]);
      for (const name of agents) insertAgent(context, this.#project, name, name);
    });
  }

  /** Whether it runs. */
  get isUp(): boolean {
    return this.#gateway !== null;
  }

  /** The gateway, or `null` while it is down. */
  get gateway(): ClosableGateway | null {
    return this.#gateway;
  }

  /** Starts it on what its disk holds. */
  start(): void {
    const skewMs = this.life.skewMs;
    this.life = newLife();
    this.life.skewMs = skewMs;
    const context = this.#context();
    const sessions = new SessionRegistry(context.limits.workersPerAgent);
    const dispatcher = new Dispatcher(
      context,
      sessions,
      ({ row }) => Promise.resolve(row.parameters),
    );
    this.#parts = {
      context,
      sessions,
      dispatcher,
      externals: new ExternalSchedules(context, this.#redact),
      ingestor: new Ingestor(context, this.#redact, () => {}),
      redact: this.#redact,
      identify: (token) => Promise.resolve(agentByTokenHash(this.#db, token)),
      whyRefused: () => Promise.resolve("unknown"),
      projectKey: () => Promise.resolve(virtualKey(this.secret)),
      onOnline: () => {},
      logger: noopLogger,
    };
    this.#gateway = createGateway(this.#parts);
    dispatcher.watch();
  }

  /** Ends it as SIGKILL does. */
  crash(): void {
    this.life.dead = true;
    this.#parts = this.#gateway = null;
  }

  /** Issues a command and delivers it if its agent is there; answers its id. */
  command(agent: string): string {
    const { context, dispatcher } = this.#live();
    const command = insertCommand(context, {
      project: this.#project,
      agent: this.#agentKey(agent),
      action: "simulated.act",
      target: { type: "task", id: "t" },
      parameters: {},
      timeoutMs: 3_600_000,
    });
    dispatcher.deliver(command);
    return command.row.id;
  }

  /** Delivers a command once more under a new sequence number. */
  repeat(agent: string, commandId: string): void {
    const { sessions, context } = this.#live();
    const row = context.db.get("SELECT claim_token FROM commands WHERE id = ?", commandId);
    if (row === undefined) return;
    const command = { row: { ...REPEATED, id: commandId }, claimToken: row["claim_token"] };
    const payload = commandPayload(command as unknown as StoredCommand, {});
    void sessions.of(this.#agentKey(agent))[0]?.send("command", commandId, payload);
  }

  /** Data of the stored event of an id; one entry for each row. */
  rowsOf(eventId: string): readonly string[] {
    return this.#db.all("SELECT data FROM events WHERE id = ?", eventId)
      .map((row) => String(row["data"]));
  }

  /** Ids of all stored events. */
  eventIds(): readonly string[] {
    return this.#db.all("SELECT id FROM events").map((row) => String(row["id"]));
  }

  /** Status and result of every command. */
  commands(): ReadonlyMap<string, { readonly status: string; readonly result: string | null }> {
    const rows = this.#db.all("SELECT id, status, result FROM commands");
    return new Map(rows.map((row) => {
      const result = row["result"];
      return [String(row["id"]), {
        status: String(row["status"]),
        result: typeof result === "string" ? result : null,
      }];
    }));
  }

  #agentKey(name: string): number {
    return Number(this.#db.get("SELECT pk FROM agents WHERE name = ?", name)?.["pk"]);
  }

  #live(): GatewayParts {
    if (this.#parts === null) throw new Error("the brain is down");
    return this.#parts;
  }

  #context(): BrainContext {
    const clock = this.#world.clockOf(this.life);
    return {
      db: this.#db,
      clock,
      random: {
        uuid: () => virtualUuid("b", ++this.#uuids),
        bytes: (count) =>
          Uint8Array.from({ length: count }, () => Math.floor(this.#choices.jitter() * 256)),
      },
      logger: noopLogger,
      limits: DEFAULT_LIMITS,
      changes: createChangeFeed(clock, () => {}),
    };
  }
}

const REPEATED = {
  action: "simulated.act",
  target: { type: "task", id: "t" },
  parameters: {},
  timeoutMs: 3_600_000,
};

/** The `number`-th UUID of a maker. */
export function virtualUuid(maker: string, number: number): string {
  const digits = number.toString(16).padStart(11, "0");
  return `00000000-0000-4000-8000-${maker}${digits}`;
}
