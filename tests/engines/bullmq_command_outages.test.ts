import { match, ok, strictEqual as equal } from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import type { ActionOutcome } from "../../src/engines/contract.ts";
import {
  type Bullmq,
  type CommandBed,
  context,
  given,
  MAJORS,
  openCommandBed,
} from "../_support/bullmq_commands.ts";
import { startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

if (!withoutRedis()) {
  for (const [version, bullmq] of MAJORS) {
    describe(`commands while Redis is in trouble, BullMQ ${version}`, () => declare(bullmq));
  }
}

type Command = (bed: CommandBed, remainingMs: number) => Promise<ActionOutcome>;

const WRITES: readonly (readonly [string, Command])[] = [
  ["submit", (bed, ms) =>
    given(
      bed.engine.actions.submit?.({
        name: "late",
        args: [],
        kwargs: {},
        queue: bed.queue.name,
        etaMs: null,
        priority: null,
        idempotencyKey: null,
      }, context(ms)),
    )],
  ["pause", (bed, ms) => given(bed.engine.actions.pauseQueue?.(bed.queue.name, context(ms)))],
];

function declare(bullmq: Bullmq): void {
  it("hung by SIGSTOP: a write is indeterminate, a read before it a clean failure", async () => {
    const redis = await startRedis();
    const bed = await openCommandBed({ port: redis.port, bullmq });
    const [submit, pause] = WRITES;
    // The first command opens the connection, so that it is the answer that is late.
    equal((await submit?.[1](bed, 10_000))?.status, "done");
    process.kill(redis.pid, "SIGSTOP");
    const begunMs = performance.now();
    const hung = await submit?.[1](bed, 2_000);
    const took = performance.now() - begunMs;
    equal(hung?.status, "indeterminate", JSON.stringify(hung));
    match(hung?.status === "indeterminate" ? hung.reason : "", /may still take effect/);
    ok(took < 6_000, `took ${took} ms`);
    // What reads first, or finds no connection, never reached a write.
    const clean = await pause?.[1](bed, 2_000);
    equal(clean?.status, "failed", JSON.stringify(clean));
    process.kill(redis.pid, "SIGCONT");
    await until("thaw", async () => await bed.queue.getWaitingCount() >= 1);
    equal(await bed.queue.isPaused(), false);
    const again = await pause?.[1](bed, 10_000);
    await until("pause", async () => {
      const outcome = again?.status === "done" ? again : await pause?.[1](bed, 10_000);
      return outcome?.status !== "failed";
    });
    equal(await bed.queue.isPaused(), true);
    await bed[Symbol.asyncDispose]();
    await redis.stop();
  });

  it("away: every command fails at once, and none runs when Redis is back", async () => {
    const redis = await startRedis();
    const { port } = redis;
    const bed = await openCommandBed({ port, bullmq });
    equal((await WRITES[0]?.[1](bed, 10_000))?.status, "done");
    await redis.stop();
    for (const [name, command] of WRITES) {
      const begunMs = performance.now();
      const outcome = await command(bed, 20_000);
      equal(outcome.status, "failed", `${name}: ${JSON.stringify(outcome)}`);
      ok(performance.now() - begunMs < 5_000, name);
    }
    const retried = await bed.retry(`${bed.queue.name}:1`);
    equal(retried.status, "failed");
    const listed = await given(
      bed.engine.actions.listDeadLetters?.(
        { queue: null, limit: 5, cursor: null },
        context(),
      ),
    );
    equal(listed.status, "failed");
    const back = await startRedis({ port });
    const done = await until("a command again", async () => {
      const outcome = await WRITES[0]?.[1](bed, 10_000);
      return outcome?.status === "done" ? outcome : undefined;
    });
    equal(done.status, "done");
    // Nothing of what failed was done late: one job of the last command, no pause.
    equal(await bed.queue.getWaitingCount(), 1);
    equal(await bed.queue.isPaused(), false);
    await bed[Symbol.asyncDispose]();
    await back.stop();
  });
}
