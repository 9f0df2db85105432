/**
 * Eight processes on two tokens of the real brain 1.13.0. On one token the first
 * connection, which gets every command, has a scheduler and no engine; on the
 * other one it is a web process, which makes way for the workers.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  type Fleet,
  type FleetProcess,
  type Json,
  openFleet,
  untilBrain,
} from "../_support/fleet.ts";
import { everyCommand, type OwnedSchedule, schedulesOf } from "../_support/fleet_commands.ts";
import type { StockAgent } from "../_support/stock_brain.ts";
import { createStockSchedule } from "../_support/stock_schedules.ts";
import { until } from "../_support/wait.ts";

const WAIT_MS = 60_000;
const NIGHTLY = { pattern: "0 0 4 1 1 *", tz: "UTC" } as const;

let fleet: Fleet;
let mail: StockAgent;
let bills: StockAgent;
let ticking: string;
const processes: FleetProcess[] = [];

before(async () => {
  fleet = await openFleet(["mail", "bills"]);
  const [first, second] = fleet.agents;
  assert.ok(first && second);
  [mail, bills] = [first, second];
}, { timeout: 90_000 });

after(() => fleet?.close(), { timeout: 60_000 });

const start = async (...all: readonly Parameters<Fleet["start"]>[]): Promise<void> => {
  processes.push(...await Promise.all(all.map((one) => fleet.start(...one))));
};

const enginesOf = async ({ id }: StockAgent): Promise<unknown> =>
  (await fleet.brain.get<readonly Json[]>("agents")).find((row) => row["id"] === id)
    ?.["engine_adapters"];

const yearly: OwnedSchedule = {
  scheduler: "croner",
  name: "yearly",
  runs: async () => Number(await fleet.redis.get("runs")),
};
const nightly: OwnedSchedule = {
  scheduler: "bullmq",
  name: "nightly",
  async runs() {
    const jobs = await fleet.queue(bills).getCompleted();
    return jobs.filter(({ name }) => name === "report").length;
  },
};

const ticks = async (): Promise<number> => Number(await fleet.redis.get("ticks"));

/** Retry, dead letters, workers, submission and schedules; the tokens have nothing in common. */
const everyCommandOnBoth = async (sinceMs = 0): Promise<void> =>
  void await Promise.all([
    everyCommand(fleet, mail, { ...yearly, sinceMs }),
    everyCommand(fleet, bills, { ...nightly, sinceMs }),
  ]);

/** Waits for two more ticks, of which none was refused. */
async function ticksOn(): Promise<void> {
  const before = await ticks();
  await until("two ticks", async () => await ticks() >= before + 2, WAIT_MS);
  const fired = await fleet.commands("schedule.fire");
  assert.deepEqual(fired.filter(({ status }) => status === "failed"), []);
  const tick = await fleet.brain.get<Json>(`schedules/${ticking}`);
  assert.equal(tick["is_enabled"], true);
}

describe("stock brain: eight processes on two tokens", () => {
  it("keeps the inventory of the workers, whoever said hello last", async () => {
    // The first to come gets every command; the web processes bring nothing. One after the
    // other: on SQLite the brain mixes up what two hellos on one token at once tell it.
    await start(["clock", mail], ["web", bills]);
    await start(["kept", mail], ["worker", bills, "bullmq"]);
    await start(["worker", mail], ["worker", bills, "bullmq"]);
    await start(["web", mail], ["web", bills]);
    assert.equal(processes.length, 8);
    await untilBrain("engines", async () => String(await enginesOf(bills)) === "bullmq");
    await untilBrain("engines", async () => {
      const engines = await enginesOf(mail);
      return Array.isArray(engines) && engines.toSorted().join() === "bullmq,manual";
    });
  });

  it("fires a schedule of the brain in the one process that has its engine", async () => {
    ticking = await createStockSchedule(fleet, {
      name: "tick",
      engine: "manual",
      task_name: "tick",
      expression: "2",
    });
    await ticksOn();
  });

  it("answers every command of REST, whichever process it reaches", async () => {
    for (const name of ["nightly", "spare"]) {
      await fleet.queue(bills).upsertJobScheduler(name, NIGHTLY, { name: "report" });
    }
    await everyCommandOnBoth();
  });

  it("takes a resync of each token, and lists what there is afterwards", async () => {
    await fleet.queue(bills).removeJobScheduler("spare");
    await fleet.queue(bills).upsertJobScheduler("weekly", NIGHTLY, { name: "report" });
    const drained = await resynced();
    // Both workers of one token watch BullMQ's; on the other one only the clock has jobs.
    assert.deepEqual([drained.get(mail.id), drained.get(bills.id)], [1, 2]);
    const names = async (scheduler: string): Promise<string> =>
      (await schedulesOf(fleet, scheduler)).map(({ name }) => name).toSorted().join();
    await untilBrain("the new list", async () => await names("bullmq") === "nightly,weekly");
    assert.equal(await names("croner"), "yearly");
    const rows = [...await schedulesOf(fleet, "bullmq"), ...await schedulesOf(fleet, "croner")];
    assert.deepEqual(
      rows.map((row) => [row["name"], row["expression"], row["is_enabled"], row["queue"]])
        .toSorted(),
      [
        ["nightly", "0 4 1 1 *", true, "bills"],
        ["weekly", "0 4 1 1 *", true, "bills"],
        ["yearly", "0 0 1 1 *", true, null],
      ],
    );
  });

  it("reaches the workers after a crash of the brain, whoever comes back first", async () => {
    const webs = processes.filter(({ kind }) => kind === "web");
    const owners = processes.filter(({ hasSchedules }) => hasSchedules);
    const others = processes.filter((one) => one.kind !== "web" && !one.hasSchedules);
    const before = Date.now();
    fleet.signal([...owners, ...others], "SIGSTOP");
    try {
      await fleet.brain.kill();
      await fleet.brain.start();
      fleet.signal(webs, "SIGHUP");
      await fleet.connected(webs, before);
    } finally {
      fleet.signal([...owners, ...others], "SIGCONT");
    }
    // A command that meets processes in the middle of their hellos may stay open at this brain.
    await fleet.connected(processes, before);
    await everyCommandOnBoth(before);
    await ticksOn();
  });

  it("restarts a worker under its supervisor: it drains, ends, and is online again", async () => {
    const kept = processes.find(({ kind }) => kind === "kept");
    assert.ok(kept);
    const [pid] = kept.pids();
    const body = { engine: "bullmq", worker_name: `mail-kept-${pid}` };
    const queue = fleet.queue(mail);
    // As many as both workers take at once; they wait for the gate.
    await queue.addBulk(Array.from({ length: 8 }, () => ({ name: "gated", data: { gate: true } })));
    const job = await until("a job that it runs", async () => {
      const active = await queue.getActive();
      return active.find(({ processedBy }) => processedBy === body.worker_name);
    });
    const before = Date.now();
    const restart = fleet.done(mail, "restart-worker", body);
    await until("its last jobs", () => kept.output().includes("draining"), WAIT_MS);
    assert.equal(await job.isActive(), true);
    assert.doesNotMatch(kept.output(), /exit/);
    await fleet.redis.set("gate", "open");
    assert.equal((await restart)["still_running"], 0);
    await until(`the next run: ${kept.output()}`, () => kept.pids().length === 2, WAIT_MS);
    assert.match(kept.output(), /draining\nended\nexit 0\nup \d+\n$/);
    assert.equal(await job.isCompleted(), true);
    assert.equal(await fleet.redis.get(`tries:mail:${job.id}`), "1");
    await fleet.connected([kept], before);
    const fresh = { engine: "bullmq", worker_name: `mail-kept-${kept.pids().at(-1)}` };
    const grown = await fleet.done(mail, "pool-resize", { ...fresh, delta: 1 });
    assert.equal(grown["concurrency"], 3);
    await ticksOn();
  });
});

/**
 * Asks until both tokens have answered; the count of schedulers by agent. On
 * SQLite this brain gives a resync to the agent that it heard of last, and fails.
 */
async function resynced(): Promise<ReadonlyMap<string, unknown>> {
  const answered = new Map<string, unknown>();
  for (let asked = 0; answered.size < 2; asked++) {
    assert.ok(asked < 30, JSON.stringify(await fleet.commands("schedule.resync")));
    const { status, body } = await fleet.post("schedules:resync", {});
    if (status === 500) {
      assert.match(fleet.brain.log(), /audited SQLite write unit did not begin with BEGIN/);
    } else assert.equal(status, 202, JSON.stringify(body));
    await until("an answer", async () => {
      for (const row of await fleet.commands("schedule.resync")) {
        assert.notEqual(row.status, "failed", JSON.stringify(row));
        if (row.status === "completed") {
          answered.set(row.agent_id, row.result?.["schedulers_drained"]);
        }
      }
      return answered.size === 2;
    }, 1500).catch(() => {});
  }
  return answered;
}
