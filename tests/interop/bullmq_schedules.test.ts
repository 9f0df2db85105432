/**
 * BullMQ's job schedulers through the REST of both brains: what is accepted is
 * looked up in Redis, what is refused stays refused.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Queue } from "bullmq";
import { createAgent, type ManagedAgent } from "../../mod.ts";
import { noopLogger } from "../../src/base/logger.ts";
import { bullmqScheduler } from "../../src/schedulers/bullmq/mod.ts";
import { type BrainProcess, startBrainProcess } from "../_support/embedded_brain.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { startStockBrain, type StockBrain } from "../_support/stock_brain.ts";
import { until } from "../_support/wait.ts";

const WAIT_MS = 30_000;
const YEARLY = { pattern: "0 0 4 1 1 *", tz: "Asia/Tokyo" } as const;

interface Row {
  readonly id: string;
  readonly name: string;
  readonly scheduler: string;
  readonly expression: string;
  readonly is_enabled: boolean;
  readonly control_token?: string;
}

interface Api {
  get<T>(path: string): Promise<T>;
  post(path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }>;
}

let home: string;
let redis: RedisServer;
let queues = 0;

if (!withoutRedis()) {
  before(async () => {
    home = mkdtempSync(join(tmpdir(), "z4j-bullmq-schedules-"));
    redis = await startRedis();
  });
  after(async () => {
    await redis?.stop();
    rmSync(home, { recursive: true, force: true });
  });
  describe("BullMQ schedules at the stock brain", declareStock);
  describe("BullMQ schedules at the embedded brain", declareEmbedded);
}

function declareStock(): void {
  let brain: StockBrain;
  before(async () => {
    brain = await startStockBrain(["app"]);
  }, { timeout: 60_000 });
  after(() => brain?.close(), { timeout: 60_000 });
  const env = (): Record<string, string> => {
    const [minted] = brain.agents;
    assert.ok(minted);
    return brain.env(minted);
  };

  it("takes disable, enable and trigger, and refuses writes that are not atomic", async () => {
    await using bed = await open(brain, env(), false);
    await bed.queue.upsertJobScheduler("nightly", YEARLY, { name: "report", data: { a: 1 } });
    const row = await bed.shown("nightly");
    assert.equal(row.expression, "0 4 1 1 *");
    await bed.accepted(`schedules/${row.id}/disable`);
    await until("off", async () => !(await bed.shown("nightly")).is_enabled, WAIT_MS);
    assert.equal(await bed.queue.getJobScheduler("nightly"), undefined);
    await bed.accepted(`schedules/${row.id}/enable`);
    await until("on", async () => (await bed.shown("nightly")).is_enabled, WAIT_MS);
    assert.equal((await bed.queue.getJobScheduler("nightly"))?.tz, "Asia/Tokyo");
    await bed.accepted(`schedules/${row.id}/trigger`);
    const [job] = await until("the triggered job", async () => {
      const waiting = await bed.queue.getWaiting();
      return waiting.length > 0 ? waiting : undefined;
    }, WAIT_MS);
    assert.deepEqual([job?.name, job?.data], ["report", { a: 1 }]);
    // The brain waits a moment for what it confirms of the trigger.
    const refused = await until("the refusal", async () => {
      const { status, body } = await bed.write("create", null, definition(bed.queue.name));
      return /awaiting confirmation/.test(JSON.stringify(body)) ? undefined : { status, body };
    }, WAIT_MS);
    assert.equal(refused.status, 409, JSON.stringify(refused.body));
    assert.match(JSON.stringify(refused.body), /atomic native writes/);
  });

  it("takes create, update and delete where only agents write", async () => {
    await using bed = await open(brain, env(), true);
    await bed.queue.upsertJobScheduler("other", YEARLY, {});
    await bed.shown("other");
    await until("create", async () => {
      const outcome = await bed.write("create", null, definition(bed.queue.name));
      return outcome.status === 202;
    }, WAIT_MS);
    await until("the new scheduler", () => bed.queue.getJobScheduler("made"), WAIT_MS);
    const row = await bed.shown("made");
    await until("update", async () => {
      const current = await bed.shown("made");
      const change = { expression: "30 5 2 1 *" };
      return (await bed.write("update", current, change)).status === 202;
    }, WAIT_MS);
    await until(
      "the change",
      async () => (await bed.queue.getJobScheduler("made"))?.pattern === "30 5 2 1 *",
      WAIT_MS,
    );
    assert.equal((await bed.queue.getJobScheduler("made"))?.template?.data.made, true);
    await until(
      "delete",
      async () => (await bed.write("delete", await bed.find("made") ?? row, {})).status === 202,
      WAIT_MS,
    );
    await until("gone", async () => await bed.find("made") === undefined, WAIT_MS);
    assert.equal(await bed.queue.getJobScheduler("made"), undefined);
  });
}

function declareEmbedded(): void {
  let brain: BrainProcess;
  before(async () => {
    brain = await startBrainProcess([
      "--data",
      join(home, "brain"),
      "--port",
      "0",
      "--mint",
      "app",
    ]);
  }, { timeout: 60_000 });
  after(() => brain?.child.kill("SIGTERM"));

  it("takes every operation and shows each in its list", async () => {
    const [minted] = brain.line.agents;
    await using bed = await open(brain, {
      Z4J_BRAIN_URL: brain.line.base_url,
      Z4J_TOKEN: minted?.token ?? "",
      Z4J_HMAC_SECRET: minted?.hmac_secret ?? "",
      Z4J_PROJECT_ID: brain.line.project_slug,
    }, false);
    await bed.queue.upsertJobScheduler("other", YEARLY, {});
    const other = await bed.shown("other");
    const tokens = await brain.get<Record<string, readonly string[]>>(
      "schedules/native-capabilities",
    );
    assert.ok(tokens["bullmq"]?.includes("create"));
    const taken = async (
      operation: "create" | "update" | "delete",
      row: Row | null,
      members: object,
    ): Promise<void> => {
      await until(
        operation,
        async () => (await bed.write(operation, row, members)).status === 202,
        WAIT_MS,
      );
    };
    await taken("create", null, definition(bed.queue.name));
    const made = await bed.shown("made");
    await taken("update", made, { expression: "30 5 2 1 *", is_enabled: false });
    await until("the change", async () => {
      const row = await bed.shown("made");
      return row.expression === "30 5 2 1 *" && !row.is_enabled;
    }, WAIT_MS);
    assert.equal(await bed.queue.getJobScheduler("made"), undefined);
    await bed.accepted(`schedules/${made.id}/enable`);
    await until("on", async () => (await bed.shown("made")).is_enabled, WAIT_MS);
    assert.equal((await bed.queue.getJobScheduler("made"))?.pattern, "30 5 2 1 *");
    await taken("delete", made, {});
    await until("gone", async () => await bed.find("made") === undefined, WAIT_MS);
    assert.equal((await bed.write("delete", { ...other, id: made.id }, {})).status, 404);
    assert.equal((await bed.write("create", null, {})).status, 422);
  });
}

interface Bed extends AsyncDisposable {
  readonly queue: Queue;
  find(name: string): Promise<Row | undefined>;
  shown(name: string): Promise<Row>;
  accepted(path: string): Promise<void>;
  write(operation: string, row: Row | null, members: object): ReturnType<Api["post"]>;
}

async function open(
  api: Api,
  env: Readonly<Record<string, string>>,
  exclusiveWrites: boolean,
): Promise<Bed> {
  const connection = { host: "127.0.0.1", port: redis.port };
  const queue = new Queue(`interop-${++queues}`, { connection });
  await queue.waitUntilReady();
  const agent: ManagedAgent = createAgent({
    env: { ...env, Z4J_HOME: join(home, env["Z4J_BRAIN_URL"]?.split(":").at(-1) ?? "agent") },
    logger: noopLogger,
    schedulers: [bullmqScheduler({ queues: [queue], exclusiveWrites })],
  });
  await agent.start();
  await agent.ready();
  const find = async (name: string): Promise<Row | undefined> =>
    (await api.get<{ items: readonly Row[] }>("schedules?limit=50")).items
      .find((row) => row.name === name && row.scheduler === "bullmq");
  return {
    queue,
    find,
    shown: (name) => until(`schedule ${name}`, () => find(name), WAIT_MS),
    async accepted(path) {
      await until(path, async () => {
        const { status, body } = await api.post(path);
        assert.ok(status < 300 || status === 409, `${path}: ${status} ${JSON.stringify(body)}`);
        return status < 300;
      }, WAIT_MS);
    },
    write: (operation, row, members) =>
      api.post("schedules/native-operations", {
        request_id: crypto.randomUUID(),
        scheduler: "bullmq",
        operation,
        ...(row === null ? {} : { schedule_id: row.id }),
        ...(row?.control_token === undefined ? {} : { observed_control_token: row.control_token }),
        definition: members,
      }),
    async [Symbol.asyncDispose]() {
      await agent.stop();
      await queue.close();
    },
  };
}

function definition(queue: string): object {
  return {
    name: "made",
    task_name: "report",
    kind: "cron",
    expression: "0 4 1 1 *",
    timezone: "UTC",
    queue,
    args: [],
    kwargs: { made: true },
    is_enabled: true,
  };
}
