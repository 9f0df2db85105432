import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Redis } from "ioredis";
import { type RedisServer, startRedis } from "../../../tests/_support/redis.ts";
import { until } from "../../../tests/_support/wait.ts";
import { type ChaosBrain, openEmbeddedBrain } from "../brain.ts";
import { type ChaosChild, type Runtime, startChild } from "../child.ts";
import { waitingRows } from "../leftovers.ts";
import { createRandom, type Random } from "../random.ts";
import { type EngineAccount, readTruth, settleAccount } from "./account.ts";
import type { Member } from "./member.ts";
import { createProducer, type Producer, QUEUES } from "./produce.ts";

/** What a run of the engine scenario does. */
export interface EngineChaosOptions {
  readonly seed: number;
  readonly jobs: number;
  /** Runtimes of agents and workers, in turn. */
  readonly runtimes: readonly Runtime[];
  /** How often Redis is killed and started again. */
  readonly redisRestarts: number;
  /** How long the frozen agent stays frozen; longer than a lease. */
  readonly freezeMs: number;
  readonly keep: boolean;
}

/** What became of it. */
export interface EngineChaosReport {
  readonly options: EngineChaosOptions;
  readonly holds: boolean;
  readonly account: EngineAccount;
  /** What was done to whom, in order. */
  readonly deeds: readonly string[];
  /** Gaps that agents announced. */
  readonly gaps: readonly string[];
  readonly accidents: readonly string[];
  readonly seconds: number;
  readonly folder: string | null;
}

const DEADLINE_MS = 90_000;
const LEASE_KEY = "z4j:lease:default:bull";

/**
 * Three agents and four workers on both runtimes: the holder of the lease is
 * killed, the next one is frozen and thawed, Redis is restarted.
 */
export async function runEngineChaos(options: EngineChaosOptions): Promise<EngineChaosReport> {
  const startedAt = performance.now();
  const folder = mkdtempSync(join(tmpdir(), "z4j-engine-chaos-"));
  mkdirSync(join(folder, "home"), { mode: 0o700 });
  const redis = await startRedis({ appendOnly: true });
  let bed: Bed | undefined;
  try {
    const brain = await openEmbeddedBrain({
      ...{ folder, runtime: options.runtimes[0] ?? "bun", plant: undefined },
      agents: ["one", "two", "three"],
    });
    await brain.kill();
    const port = await brain.start();
    bed = new Bed(options, folder, redis, brain, port ?? 0);
    const account = await bed.run();
    const gaps = readFileSync(join(folder, "members.log"), "utf8").match(
      /Gap in the events[^"\n]*/g,
    );
    const seconds = Math.round(performance.now() - startedAt) / 1000;
    const { wrong, doubled, missing } = account;
    const holds = wrong.length === 0 && doubled.length === 0 &&
      (missing.length === 0 || gaps !== null) && bed.accidents.length === 0 &&
      account.jobs >= options.jobs;
    const keep = options.keep || !holds;
    if (!keep) rmSync(folder, { recursive: true, force: true });
    return {
      ...{ options, holds, account, gaps: gaps ?? [], seconds },
      ...{ deeds: bed.deeds, accidents: bed.accidents, folder: keep ? folder : null },
    };
  } finally {
    await bed?.close();
    await redis.stop();
  }
}

interface Running {
  readonly member: Member;
  readonly runtime: Runtime;
  readonly agent: number | undefined;
  child: ChaosChild;
  /** Whether its next end is our doing. */
  expected: boolean;
}

class Bed {
  readonly deeds: string[] = [];
  readonly accidents: string[] = [];
  readonly #options: EngineChaosOptions;
  readonly #folder: string;
  readonly #redis: RedisServer;
  readonly #brain: ChaosBrain;
  readonly #port: number;
  readonly #client: Redis;
  readonly #random: Random;
  readonly #producer: Producer;
  readonly #members: Running[] = [];
  #closing = false;

  constructor(
    options: EngineChaosOptions,
    folder: string,
    redis: RedisServer,
    brain: ChaosBrain,
    port: number,
  ) {
    this.#options = options;
    this.#folder = folder;
    this.#redis = redis;
    this.#brain = brain;
    this.#port = port;
    this.#random = createRandom(options.seed);
    this.#client = new Redis({ port: redis.port, maxRetriesPerRequest: null });
    this.#client.on("error", () => {});
    this.#producer = createProducer(redis.port, this.#random.fork("jobs"));
  }

  async run(): Promise<EngineAccount> {
    const [a = "bun", b = a] = this.#options.runtimes;
    // An agent alone, two with a worker each, and two workers without an agent.
    const plan: readonly (readonly [string, Runtime, boolean, readonly string[]])[] = [
      ["watcher", a, true, []],
      ["covered-1", b, true, QUEUES],
      ["covered-2", a, true, ["mail", "image"]],
      ["plain-1", a, false, QUEUES],
      ["plain-2", b, false, ["report", "mail"]],
    ];
    let agents = 0;
    for (const [name, runtime, hasAgent, queues] of plan) {
      const member: Member = { name, redisPort: this.#redis.port, hasAgent, queues };
      const agent = hasAgent ? agents++ : undefined;
      this.#members.push({
        member,
        runtime,
        agent,
        child: this.#start(member, runtime, agent),
        expected: false,
      });
    }
    await Promise.all(this.#members.map(({ child }) => child.line("ready", DEADLINE_MS)));
    await until("a lease", () => this.#client.get(LEASE_KEY), DEADLINE_MS);
    const half = Math.ceil(this.#options.jobs / 2);
    await Promise.all([this.#producer.run(half, PAUSE_MS), this.#killHolder()]);
    await Promise.all([this.#producer.run(half, PAUSE_MS), this.#freezeHolder(), this.#restarts()]);
    await until("the end of all jobs", () => this.#producer.isIdle(), DEADLINE_MS);
    const truth = await readTruth(this.#producer.queues);
    await this.#settle();
    await this.#brain.stop();
    return await settleAccount(truth, this.#brain.database);
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const { child } of this.#members) child.kill("SIGKILL");
    await Promise.all(this.#members.map(({ child }) => child.ended));
    await this.#brain.kill().catch(() => {});
    await this.#producer.close().catch(() => {});
    this.#client.disconnect();
  }

  #start(member: Member, runtime: Runtime, agent: number | undefined): ChaosChild {
    const secrets = agent === undefined ? undefined : this.#brain.agents[agent];
    const child = startChild({
      runtime,
      script: "scripts/chaos_parts/engine/member.ts",
      args: [JSON.stringify(member)],
      log: join(this.#folder, "members.log"),
      env: secrets === undefined ? {} : {
        Z4J_BRAIN_URL: `http://127.0.0.1:${this.#port}`,
        Z4J_TOKEN: secrets.token,
        Z4J_HMAC_SECRET: secrets.secret,
        Z4J_PROJECT_ID: "default",
        Z4J_HOME: join(this.#folder, "home"),
      },
    });
    void child.ended.then(({ code, signal }) => {
      const running = this.#members.find((one) => one.child === child);
      if (this.#closing || running?.expected === true) return;
      this.accidents.push(`${member.name} ended with ${signal ?? code}`);
    });
    return child;
  }

  /** The process that reads now, by the id in its lease. */
  async #holder(): Promise<{ readonly pid: number; readonly running: Running }> {
    return await until("a holder of the lease", async () => {
      const pid = Number((await this.#client.get(LEASE_KEY))?.split("-")[0]);
      const running = this.#members.find(({ child }) => child.pid === pid);
      return running === undefined ? undefined : { pid, running };
    }, DEADLINE_MS);
  }

  async #killHolder(): Promise<void> {
    await this.#pause(500, 2_000);
    const { running } = await this.#holder();
    this.deeds.push(`killed ${running.member.name} with the lease`);
    running.expected = true;
    running.child.kill("SIGKILL");
    await running.child.ended;
    await this.#pause(200, 1_500);
    running.child = this.#start(running.member, running.runtime, running.agent);
    running.expected = false;
    await running.child.line("ready", DEADLINE_MS);
  }

  async #freezeHolder(): Promise<void> {
    await this.#pause(300, 1_000);
    const { pid, running } = await this.#holder();
    this.deeds.push(`froze ${running.member.name} with the lease`);
    process.kill(pid, "SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, this.#options.freezeMs));
    process.kill(pid, "SIGCONT");
    this.deeds.push(`thawed ${running.member.name}`);
  }

  async #restarts(): Promise<void> {
    for (let left = this.#options.redisRestarts; left > 0; left--) {
      await this.#pause(800, 2_500);
      this.deeds.push("killed and restarted Redis");
      await this.#redis.restart();
    }
  }

  async #pause(least: number, most: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#random.int(least, most)));
  }

  /** Waits until the streams are read to their ends and no buffer holds anything. */
  async #settle(): Promise<void> {
    await until("positions at the end of all streams", async () => {
      const positions = await this.#client.hgetall("z4j:cursor:default:bull");
      for (const name of QUEUES) {
        const [last] = await this.#client.xrevrange(`bull:${name}:events`, "+", "-", "COUNT", 1);
        if (positions[name]?.split(" ")[0] !== last?.[0]) return false;
      }
      return true;
    }, DEADLINE_MS);
    const home = join(this.#folder, "home");
    await until("empty buffers", async () => await waitingRows(home) === 0, DEADLINE_MS);
    appendFileSync(join(this.#folder, "members.log"), "settled\n");
  }
}

// Between portions of 20 jobs.
const PAUSE_MS = 35;
