/** The job schedulers of BullMQ 5 and 6 with a real Redis. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { JobsOptions, Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import type { ActionContext, ActionOutcome } from "../../src/engines/contract.ts";
import { bullmqScheduler } from "../../src/schedulers/bullmq/mod.ts";
import type { Schedule, Scheduler, ScheduleRun } from "../../src/schedulers/contract.ts";
import { BULLMQ_VERSIONS, type BullmqVersion } from "../_support/bullmq_versions.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

const YEARLY = { pattern: "0 0 1 1 *", tz: "UTC" } as const;
let redis: RedisServer | undefined;
let count = 0;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis?.stop());
  for (const version of BULLMQ_VERSIONS) {
    describe(`bullmqScheduler() with ${version.name}`, () => declare(version));
  }
  describe("bullmqScheduler() without its Redis", declareOutage);
}

function declare(version: BullmqVersion): void {
  it("lists schedulers in the brain's dialect with inputs and zone", async () => {
    await using bed = await open(version);
    const { queue } = bed;
    await queue.upsertJobScheduler("a:b c", { pattern: "15 30 4 * * 5L", tz: "Asia/Tokyo" }, {
      name: "mail",
      data: { to: "x" },
    });
    await queue.upsertJobScheduler("tick", { every: 90_000, offset: 5 }, { data: 7 });
    const rows = new Map((await bed.scheduler.list()).map((row) => [row.name, row]));
    const mail = rows.get("a:b c");
    assert.equal(mail?.key, `${queue.name}:a:b c`);
    assert.equal(mail?.taskName, "mail");
    assert.deepEqual([mail?.kind, mail?.expression, mail?.timezone], [
      ...["cron", "30 4 * * L5 15", "Asia/Tokyo"],
    ]);
    assert.deepEqual([mail?.kwargs, mail?.args, mail?.queue], [{ to: "x" }, [], queue.name]);
    assert.ok(mail?.isEnabled && (mail.nextRunAtMs ?? 0) > Date.now());
    const tick = rows.get("tick");
    assert.deepEqual([tick?.kind, tick?.expression, tick?.args], ["interval", "90", [7]]);
    assert.equal(tick?.totalRuns, 0);
  });

  it("keeps a schedule off when the code makes it again at its next start", async () => {
    await using bed = await open(version);
    const { queue } = bed;
    await queue.upsertJobScheduler("nightly", YEARLY, { name: "v1", opts: { attempts: 4 } });
    await bed.done("disable", "nightly");
    assert.equal(await queue.getJobScheduler("nightly"), undefined);
    assert.equal((await queue.getDelayed()).length, 0);
    assert.equal((await bed.row("nightly"))?.isEnabled, false);

    await using restarted = await open(version, { name: queue.name });
    const answer: unknown = await restarted.queue.upsertJobScheduler(
      "nightly",
      { pattern: "0 5 1 1 *", tz: "UTC" },
      { name: "v2", data: { n: 2 }, opts: { attempts: 9 } },
    );
    assert.ok(answer === undefined, "the code got a job");
    assert.equal((await restarted.queue.getDelayed()).length, 0);
    const off = await restarted.row("nightly");
    assert.deepEqual([off?.isEnabled, off?.taskName, off?.expression], [false, "v2", "0 5 1 1 *"]);
    assert.match(restarted.notices.join(), /stays disabled with the new definition/);

    await restarted.done("enable", "nightly");
    const [job] = await queue.getDelayed();
    assert.deepEqual([job?.name, job?.data, job?.opts.attempts], ["v2", { n: 2 }, 9]);
    const on = await restarted.row("nightly");
    assert.deepEqual([on?.isEnabled, on?.expression], [true, "0 5 1 1 *"]);
  });

  it("takes a disabled schedule out again when a process without it makes it", async () => {
    await using bed = await open(version);
    await bed.queue.upsertJobScheduler("nightly", YEARLY, { name: "v1" });
    await bed.done("disable", "nightly");
    const stranger = bed.another();
    await stranger.upsertJobScheduler("nightly", { pattern: "0 6 1 1 *", tz: "UTC" }, {
      name: "v3",
    });
    assert.equal((await bed.row("nightly"))?.isEnabled, true, "the list hides what is true");
    await using later = await open(version, { name: bed.queue.name });
    await until("taken out", async () => (await stranger.getJobSchedulers()).length === 0);
    await until("notice", () => later.notices.some((text) => /taken out again/.test(text)));
    const row = await later.row("nightly");
    assert.deepEqual([row?.isEnabled, row?.taskName], [false, "v3"]);
    assert.equal((await stranger.getDelayed()).length, 0);
  });

  it("forgets a disabled schedule that the code removes", async () => {
    await using bed = await open(version);
    await bed.queue.upsertJobScheduler("nightly", YEARLY, {});
    await bed.done("disable", "nightly");
    await bed.queue.removeJobScheduler("nightly");
    assert.deepEqual(await bed.scheduler.list(), []);
    await bed.queue.upsertJobScheduler("nightly", YEARLY, {});
    assert.equal((await bed.row("nightly"))?.isEnabled, true);
  });

  it("enables an interval on its old slots, with its count, and not at once", async () => {
    await using bed = await open(version);
    const { queue } = bed;
    await queue.upsertJobScheduler("tick", { every: 3_600_000, offset: 1234 }, { name: "t" });
    await bed.raw.hset(queue.toKey("repeat:tick"), "ic", "8");
    const before = await bed.row("tick");
    assert.equal(before?.totalRuns, 7);
    await bed.done("disable", "tick");
    assert.equal((await bed.row("tick"))?.totalRuns, 7);
    await bed.done("enable", "tick");
    const after = await bed.row("tick");
    assert.deepEqual([after?.nextRunAtMs, after?.totalRuns], [before?.nextRunAtMs, 7]);
    await bed.done("disable", "tick");
    await queue.upsertJobScheduler("tick", { every: 7_200_000 }, { name: "t" });
    await bed.done("enable", "tick");
    assert.ok(((await bed.row("tick"))?.nextRunAtMs ?? 0) > Date.now() + 3_600_000);
    assert.equal((await queue.getWaiting()).length, 0);
  });

  it("creates, with options of the queue, and refuses what BullMQ could not keep", async () => {
    await using bed = await open(version, { options: { attempts: 6 } });
    assert.equal((await bed.create({ name: "made", kwargs: { a: 1 } })).status, "done");
    const [job] = await bed.queue.getDelayed();
    assert.deepEqual([job?.name, job?.data, job?.opts.attempts], ["report", { a: 1 }, 6]);
    assert.equal((await bed.create({ name: "off", isEnabled: false })).status, "done");
    assert.equal((await bed.row("off"))?.isEnabled, false);
    const reasons: string[] = [];
    for (
      const wrong of [
        { name: "made" },
        { name: "off" },
        { queue: "nowhere" },
        { expression: "0 0 31 2 *" },
        { timezone: "Mars/Base" },
        { kind: "clocked", expression: "2030-01-01T00:00:00Z" },
        { args: [1, 2] },
      ] as const
    ) {
      const outcome = await bed.create({ name: "other", ...wrong });
      reasons.push(outcome.status === "refused" ? outcome.reason : JSON.stringify(outcome));
    }
    const expected = [
      ...[/"made" .* already/, /"off" .* already/, /queues: /, /never comes/, /no timezone/],
      ...[/repeats/, /one argument/],
    ];
    for (const [i, pattern] of expected.entries()) assert.match(reasons[i] ?? "", pattern);
    assert.equal((await bed.scheduler.list()).length, 2);
  });

  it("updates what it is told and keeps limit, options and inputs", async () => {
    await using bed = await open(version);
    const { queue } = bed;
    await queue.upsertJobScheduler("few", { ...YEARLY, limit: 3 }, {
      name: "mail",
      data: { n: 1 },
      opts: { attempts: 5, backoff: { type: "fixed", delay: 9 } },
    });
    await bed.scheduler.list();
    await bed.done("update", "few", { expression: "0 7 2 1 *", timezone: "Asia/Tokyo" });
    const found = await queue.getJobScheduler("few");
    assert.deepEqual([found?.pattern, found?.tz, found?.limit, found?.name], [
      ...["0 7 2 1 *", "Asia/Tokyo", 3, "mail"],
    ]);
    assert.deepEqual(found?.template?.data, { n: 1 });
    assert.equal(found?.template?.opts?.attempts, 5);
    assert.equal((await queue.getDelayed()).length, 1);
    const renamed = await bed.act("update", "few", { name: "many" });
    assert.match(JSON.stringify(renamed), /its id and cannot change/);
  });

  it("refuses to change what somebody else changed since it was listed", async () => {
    await using bed = await open(version);
    await bed.queue.upsertJobScheduler("raced", YEARLY, {});
    await bed.scheduler.list();
    await bed.another().upsertJobScheduler("raced", { pattern: "0 9 1 1 *", tz: "UTC" }, {});
    const outcome = await bed.act("update", "raced", { taskName: "mine" });
    assert.match(JSON.stringify(outcome), /refused.*changed since it was listed/);
    assert.equal((await bed.queue.getJobScheduler("raced"))?.pattern, "0 9 1 1 *");
  });

  it("makes one pending job when many enable at once", async () => {
    await using bed = await open(version);
    await bed.queue.upsertJobScheduler("nightly", YEARLY, {});
    await bed.done("disable", "nightly");
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => bed.act("enable", "nightly")),
    );
    assert.equal(outcomes.filter(({ status }) => status === "done").length, 1);
    assert.equal(outcomes.filter(({ status }) => status === "noop").length, 7);
    assert.equal((await bed.queue.getDelayed()).length, 1);
  });

  it("deletes a schedule and the run of it that waits already", async () => {
    await using bed = await open(version);
    await bed.queue.upsertJobScheduler("tick", { every: 3_600_000 }, {});
    await until("a waiting or due run", async () => await bed.queue.getJobCountByTypes() === 1);
    await bed.done("delete", "tick");
    assert.equal(await bed.queue.getJobCountByTypes(), 0);
    assert.equal((await bed.act("delete", "tick")).status, "refused");
  });

  it("shows a stuck schedule as off, says so, and repairs it", async () => {
    await using bed = await open(version);
    const { queue, raw } = bed;
    await queue.upsertJobScheduler("dead", { every: 3_600_000, offset: 77 }, { name: "d" });
    const late = Date.now() - 120_000;
    await raw.zadd(queue.toKey("repeat"), late, "dead");
    await raw.del(queue.toKey("delayed"));
    assert.equal((await bed.row("dead"))?.isEnabled, false);
    await using later = await open(version, { name: queue.name });
    await until("notice", () => later.notices.some((text) => /is stuck/.test(text)));
    await later.done("enable", "dead");
    const row = await later.row("dead");
    assert.ok(row?.isEnabled && (row.nextRunAtMs ?? 0) > Date.now());
    assert.equal((await queue.getDelayed()).length, 1);
  });

  it("does not call a late schedule stuck while its run waits for a worker", async () => {
    await using bed = await open(version);
    const { queue, raw } = bed;
    await queue.upsertJobScheduler("late", YEARLY, {});
    const late = Date.now() - 120_000;
    await raw.zadd(queue.toKey("repeat"), late, "late");
    await raw.lpush(queue.toKey("wait"), `repeat:late:${late}`);
    assert.equal((await bed.row("late"))?.isEnabled, true);
  });

  it("leaves repeatable jobs of earlier versions alone and says so once", async () => {
    await using bed = await open(version);
    const { queue, raw } = bed;
    await queue.upsertJobScheduler("new", YEARLY, {});
    await raw.zadd(queue.toKey("repeat"), Date.now(), "old:id1::UTC:0 0 * * *");
    await using later = await open(version, { name: queue.name });
    assert.deepEqual((await later.scheduler.list()).map(({ name }) => name), ["new"]);
    await until("notice", () => later.notices.some((text) => /repeatable job/.test(text)));
    assert.equal((await raw.zrange(queue.toKey("repeat"), "0", "-1")).length, 2);
  });

  it("shows and deletes a record that nobody can read", async () => {
    await using bed = await open(version);
    await bed.raw.hset(bed.queue.toKey("z4j:off"), "broken", "{not json");
    assert.equal((await bed.row("broken"))?.isEnabled, false);
    assert.match(JSON.stringify(await bed.act("enable", "broken")), /cannot be read/);
    await bed.done("delete", "broken");
    assert.deepEqual(await bed.scheduler.list(), []);
  });

  it("reports each run once, over all its attempts, and the limit at its end", async () => {
    let attempts = 0;
    await using bed = await open(version, {
      processor: () => {
        attempts++;
        if (attempts === 1) throw new RangeError("first attempt");
      },
    });
    await bed.queue.upsertJobScheduler("twice", { every: 300, limit: 2 }, {
      name: "work",
      opts: { attempts: 2, backoff: 1 },
    });
    await until("both runs", () => bed.runs.filter(isEnd).length === 2, 10_000);
    assert.equal(bed.runs.length, 4);
    for (const end of bed.runs.filter(isEnd)) {
      const same = bed.runs.filter(({ runId }) => runId === end.runId);
      assert.deepEqual(same.map(({ phase }) => phase), ["started", "completed"]);
      assert.equal(end.outcome, "success");
      assert.equal(end.scheduleKey, `${bed.queue.name}:twice`);
      assert.equal(end.manual, false);
    }
    await until("the limit", async () => (await bed.row("twice"))?.isEnabled === false);
    const row = await bed.row("twice");
    assert.deepEqual([row?.totalRuns, row?.nextRunAtMs], [2, null]);
    assert.match(JSON.stringify(await bed.act("enable", "twice")), /used up its limit/);
  });

  it("reports a run that failed for good, and a triggered one as manual", async () => {
    await using bed = await open(version, {
      processor: () => {
        throw new RangeError("broken");
      },
    });
    await bed.queue.upsertJobScheduler("yearly", YEARLY, { name: "work" });
    const before = await bed.row("yearly");
    await bed.done("trigger", "yearly");
    await until("the end", () => bed.runs.some(isEnd), 10_000);
    const end = bed.runs.find(isEnd);
    assert.deepEqual([end?.outcome, end?.exception, end?.manual], [
      ...["failure", "RangeError: broken", true],
    ]);
    assert.equal((await bed.row("yearly"))?.nextRunAtMs, before?.nextRunAtMs);
  });

  it("leaves the queue as it was when it detaches", async () => {
    await using bed = await open(version);
    assert.ok(Object.hasOwn(bed.queue, "upsertJobScheduler"));
    await bed.scheduler.detach();
    assert.ok(!Object.hasOwn(bed.queue, "upsertJobScheduler"));
    assert.ok(!Object.hasOwn(bed.queue, "removeJobScheduler"));
  });
}

function declareOutage(): void {
  it("refuses commands, and a list throws instead of being empty", async () => {
    const own = await startRedis();
    const [version] = BULLMQ_VERSIONS;
    assert.ok(version);
    const connection = new Redis(own.port, { maxRetriesPerRequest: null });
    connection.on("error", () => {});
    const queue = new version.Queue("away", { connection });
    queue.on("error", () => {});
    await queue.upsertJobScheduler("yearly", YEARLY, {});
    const scheduler = bullmqScheduler({ queues: [queue] });
    await own.stop();
    await until("the lost connection", () => connection.status !== "ready");
    const outcome = await scheduler.actions.disable?.("away:yearly", context(500));
    assert.match(JSON.stringify(outcome), /Redis is not connected/);
    // The agent ends the wait for it; what it must never be is an empty list.
    const listed = await Promise.race([
      Promise.resolve(scheduler.list()).catch(() => "failed"),
      new Promise((resolve) => setTimeout(() => resolve("no answer"), 50)),
    ]);
    assert.ok(listed === "failed" || listed === "no answer", JSON.stringify(listed));
    connection.disconnect();
  });

  it("refuses two queues of one name and a queue without job schedulers", () => {
    const queue = { name: "a", upsertJobScheduler() {} } as unknown as Queue;
    assert.throws(() => bullmqScheduler({ queues: [queue, queue] }), TypeError);
    assert.throws(
      () => bullmqScheduler({ queues: [{ name: "b" } as unknown as Queue] }),
      TypeError,
    );
  });
}

interface BedOptions {
  readonly name?: string;
  readonly options?: JobsOptions;
  readonly processor?: () => void;
}

interface Bed extends AsyncDisposable {
  readonly queue: Queue;
  readonly raw: Redis;
  readonly scheduler: Scheduler;
  readonly runs: readonly ScheduleRun[];
  readonly notices: readonly string[];
  another(): Queue;
  row(id: string): Promise<Schedule | undefined>;
  act(action: Action, id: string, change?: object): Promise<ActionOutcome>;
  done(action: Action, id: string, change?: object): Promise<void>;
  create(definition: object): Promise<ActionOutcome>;
}

type Action = "enable" | "disable" | "trigger" | "update" | "delete";

async function open(version: BullmqVersion, options: BedOptions = {}): Promise<Bed> {
  const connection = { host: "127.0.0.1", port: redis?.port ?? 0, maxRetriesPerRequest: null };
  const name = options.name ?? `sched-${++count}`;
  const made: (Queue | Worker)[] = [];
  const queueOf = (): Queue => {
    const queue = new version.Queue(name, {
      connection,
      ...(options.options === undefined ? {} : { defaultJobOptions: options.options }),
    });
    made.push(queue);
    return queue;
  };
  const queue = queueOf();
  const { processor } = options;
  const worker = processor === undefined
    ? undefined
    : new version.Worker(name, () => Promise.resolve().then(processor), { connection });
  if (worker !== undefined) made.unshift(worker);
  await Promise.all([queue.waitUntilReady(), worker?.waitUntilReady()]);
  const raw = new Redis(connection);
  const runs: ScheduleRun[] = [];
  const notices: string[] = [];
  const scheduler = bullmqScheduler({
    queues: [queue],
    workers: worker === undefined ? [] : [worker],
  });
  await scheduler.attach({
    run: (run) => void runs.push(run),
    changed() {},
    notice: (_facts, message) => void notices.push(message),
  });
  const act = async (action: Action, id: string, change: object = {}): Promise<ActionOutcome> => {
    const { actions } = scheduler;
    const key = `${name}:${id}`;
    const outcome = action === "update"
      ? await actions.update?.(key, change, context())
      : await actions[action]?.(key, context());
    assert.ok(outcome);
    return outcome;
  };
  return {
    ...{ queue, raw, scheduler, runs, notices, act },
    another: queueOf,
    row: async (id) => (await scheduler.list()).find((row) => row.name === id),
    async done(action, id, change) {
      const outcome = await act(action, id, change);
      assert.equal(outcome.status, "done", JSON.stringify(outcome));
    },
    async create(definition) {
      const outcome = await scheduler.actions.create?.({
        name: "made",
        taskName: "report",
        kind: "cron",
        expression: "0 4 1 1 *",
        timezone: "UTC",
        queue: null,
        args: [],
        kwargs: {},
        isEnabled: true,
        ...definition,
      }, context());
      assert.ok(outcome);
      return outcome;
    },
    async [Symbol.asyncDispose]() {
      await scheduler.detach();
      raw.disconnect();
      for (const one of made) await one.close();
    },
  };
}

function isEnd({ phase }: ScheduleRun): boolean {
  return phase === "completed";
}

function context(remainingMs = 10_000): ActionContext {
  return { signal: AbortSignal.timeout(remainingMs), remainingMs };
}
