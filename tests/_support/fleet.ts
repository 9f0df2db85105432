/** Processes that share tokens of the real brain 1.13.0, one Redis and one home. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { type Child, runCommand, scriptCommand } from "./child.ts";
import { type RedisServer, startRedis } from "./redis.ts";
import { startStockBrain, type StockAgent, type StockBrain } from "./stock_brain.ts";
import { until } from "./wait.ts";

/** A body of the brain's REST API. */
export type Json = Readonly<Record<string, unknown>>;

/** What a process of the fleet is; see `fleet_child.ts`. */
export type FleetKind = "web" | "clock" | "worker" | "kept";

/** A command as the brain shows it. */
export interface FleetCommand {
  readonly id: string;
  readonly action: string;
  readonly agent_id: string;
  /** Without its zone, which is UTC. */
  readonly issued_at: string;
  readonly status: string;
  readonly result: Json | null;
  readonly error: string | null;
}

/** A running fleet: one token and one queue of the same name for each agent. */
export interface Fleet {
  readonly brain: StockBrain;
  readonly redis: Redis;
  readonly agents: readonly StockAgent[];
  /** The queue of an agent. */
  queue(agent: StockAgent): Queue;
  /** Starts a process and waits until its agent runs. The kept one has a supervisor. */
  start(kind: FleetKind, agent: StockAgent, brings?: string): Promise<FleetProcess>;
  /** Stops or continues processes, or ends their wait for the next dial (SIGHUP). */
  signal(processes: readonly FleetProcess[], signal: "SIGSTOP" | "SIGCONT" | "SIGHUP"): void;
  /** Lets the next process of a token that has schedules dial again, at most every 8 s. */
  redial(agent: StockAgent): void;
  /** Waits until these processes have said hello after a time. */
  connected(processes: readonly FleetProcess[], sinceMs: number): Promise<void>;
  /** An address that has not asked before; the brain counts bulk actions by address. */
  address(): string;
  /** POST, one at a time: on SQLite this brain answers 500 to the second of two at once. */
  post(path: string, body: Json): ReturnType<StockBrain["post"]>;
  /** Issues a command and waits for its end. */
  issue(agent: StockAgent, name: string, body: Json): Promise<FleetCommand>;
  /** The result of a command that must complete. */
  done(agent: StockAgent, name: string, body: Json): Promise<Json>;
  /** Commands of one action, newest first. */
  commands(action: string): Promise<readonly FleetCommand[]>;
  close(): Promise<void>;
}

/** One process of the fleet, or its supervisor with the process of the moment. */
export interface FleetProcess {
  readonly kind: FleetKind;
  readonly agent: string;
  /** Whether it has schedules. */
  readonly hasSchedules: boolean;
  output(): string;
  /** Process ids of all its runs, the last one is now. */
  pids(): readonly number[];
}

const WAIT_MS = 60_000;
const REDIAL_MS = 8000;
const ASK_MS = 250;
// What every supervisor does; the exit status goes to the output.
const SUPERVISOR = 'while :; do "$@"; echo "exit $?"; done';

/**
 * Waits until the brain says so. It is asked four times a second at most: with
 * more it is busy with answers, and takes in nothing.
 */
export function untilBrain<T>(what: string, probe: () => Promise<T>): Promise<NonNullable<T>> {
  let askedMs = -Infinity;
  let last: T | undefined;
  return until(what, async () => {
    if (Date.now() - askedMs < ASK_MS) return last;
    askedMs = Date.now();
    return last = await probe();
  }, WAIT_MS);
}

/** Starts the brain with its scheduler, and Redis; no process yet. */
export async function openFleet(names: readonly string[]): Promise<Fleet> {
  const home = mkdtempSync(join(tmpdir(), "z4j-fleet-"));
  const [brain, server] = await Promise.all([
    startStockBrain(names, { hasScheduler: true }),
    startRedis(),
  ]);
  return new RunningFleet(home, brain, server);
}

class RunningFleet implements Fleet {
  readonly brain: StockBrain;
  readonly redis: Redis;
  readonly #home: string;
  readonly #server: RedisServer;
  readonly #queues: ReadonlyMap<string, Queue>;
  readonly #children: Child[] = [];
  readonly #processes: FleetProcess[] = [];
  readonly #redials = new Map<string, { count: number; atMs: number }>();
  #addresses = 0;
  #posted: Promise<unknown> = Promise.resolve();

  constructor(home: string, brain: StockBrain, server: RedisServer) {
    this.#home = home;
    this.brain = brain;
    this.#server = server;
    this.redis = new Redis(server.url, { maxRetriesPerRequest: null });
    const connection = this.redis;
    this.#queues = new Map(brain.agents.map(({ name }) => [name, new Queue(name, { connection })]));
  }

  get agents(): readonly StockAgent[] {
    return this.brain.agents;
  }

  queue({ name }: StockAgent): Queue {
    const queue = this.#queues.get(name);
    assert.ok(queue);
    return queue;
  }

  async start(kind: FleetKind, agent: StockAgent, brings = ""): Promise<FleetProcess> {
    const args = [kind, agent.name, this.#server.url, brings];
    const script = scriptCommand("tests/_support/fleet_child.ts", args);
    const child = runCommand(kind === "kept" ? ["sh", "-c", SUPERVISOR, "sh", ...script] : script, {
      ...this.brain.env(agent),
      Z4J_HOME: this.#home,
      // A machine for tests may look like a supervisor. The kept process has pm2's mark.
      ...(kind === "kept" ? { Z4J_ORCHESTRATED: "", pm_id: "0" } : { Z4J_ORCHESTRATED: "0" }),
    });
    const pids = (): readonly number[] =>
      [...child.output().matchAll(/^up (\d+)$/gm)].map(([, pid]) => Number(pid));
    const hasSchedules = kind === "clock" || brings !== "";
    const started = { kind, agent: agent.name, hasSchedules, output: child.output, pids };
    this.#children.push(child);
    this.#processes.push(started);
    await until(`${kind} up: ${child.output()}`, () => pids().length > 0, WAIT_MS);
    return started;
  }

  signal(processes: readonly FleetProcess[], signal: "SIGSTOP" | "SIGCONT" | "SIGHUP"): void {
    for (const one of processes) {
      const pid = one.pids().at(-1);
      if (pid !== undefined) process.kill(pid, signal);
    }
  }

  redial({ name }: StockAgent): void {
    const last = this.#redials.get(name) ?? { count: 0, atMs: -Infinity };
    if (Date.now() - last.atMs < REDIAL_MS) return;
    const able = this.#processes.filter((one) => one.agent === name && one.hasSchedules);
    const pid = able[last.count % able.length]?.pids().at(-1);
    if (pid !== undefined) process.kill(pid, "SIGUSR2");
    this.#redials.set(name, { count: last.count + 1, atMs: Date.now() });
  }

  async connected(processes: readonly FleetProcess[], sinceMs: number): Promise<void> {
    type Rows = readonly { readonly pid: number; readonly last_connect_at: string }[];
    await untilBrain(`${processes.map(({ kind }) => kind).join()} at the brain`, async () => {
      const rows = await this.brain.get<Rows>("agent-workers?limit=100");
      const pids = rows.filter((row) => Date.parse(`${row.last_connect_at}Z`) >= sinceMs)
        .map(({ pid }) => pid);
      return processes.every((one) => pids.includes(one.pids().at(-1) ?? 0));
    });
  }

  address(): string {
    const count = this.#addresses++;
    return `10.0.${Math.floor(count / 250)}.${count % 250 + 1}`;
  }

  post(path: string, body: Json): ReturnType<StockBrain["post"]> {
    const answer = this.#posted.then(() => this.brain.post(path, body, this.address()));
    this.#posted = answer.catch(() => {});
    return answer;
  }

  async issue(agent: StockAgent, name: string, body: Json): Promise<FleetCommand> {
    const answer = await untilBrain(`a connection for ${name}`, async () => {
      const target = { agent_id: agent.id, ...body };
      const got = await this.post(`commands/${name}`, target);
      return isTooEarly(got) ? undefined : got;
    });
    assert.equal(answer.status, 202, `${name}: ${JSON.stringify(answer.body)}`);
    const { id } = answer.body as { readonly id: string };
    let last: FleetCommand | undefined;
    try {
      return await untilBrain(`end of ${name}`, async () => {
        last = await this.brain.get<FleetCommand>(`commands/${id}`);
        return ["completed", "failed", "timeout"].includes(last.status) ? last : undefined;
      });
    } catch (cause) {
      const workers = JSON.stringify(await this.brain.get("agent-workers?limit=100"));
      throw new Error(`no end of ${JSON.stringify(last)} among ${workers}`, { cause });
    }
  }

  async done(agent: StockAgent, name: string, body: Json): Promise<Json> {
    const command = await this.issue(agent, name, body);
    assert.equal(command.status, "completed", `${name}: ${JSON.stringify(command)}`);
    return command.result ?? {};
  }

  async commands(action: string): Promise<readonly FleetCommand[]> {
    const path = "commands?limit=200";
    const { items } = await this.brain.get<{ readonly items: readonly FleetCommand[] }>(path);
    return items.filter((row) => row.action === action);
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    // The runs of a supervisor are not ours to be told of: their ids are.
    for (const { kind, pids } of this.#processes) {
      const pid = kind === "kept" ? pids().at(-1) : undefined;
      if (pid !== undefined) killIfThere(pid);
    }
    for (const queue of this.#queues.values()) await queue.close();
    this.redis.disconnect();
    await this.brain.close();
    await this.#server.stop();
    rmSync(this.#home, { recursive: true, force: true });
  }
}

/**
 * Whether this brain will know better in a moment: the last process of a token that
 * dials again leaves it offline, and a worker that began just now has not reported yet.
 */
function isTooEarly({ status, body }: Awaited<ReturnType<StockBrain["post"]>>): boolean {
  return status === 503 ||
    status === 422 && JSON.stringify(body).includes("no unambiguous reporting relationship");
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended before.
  }
}
