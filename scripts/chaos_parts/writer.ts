/**
 * A process that records events through a real agent until it is killed:
 *
 *     writer.ts '{"slot":"a","from":1,"count":100,"seed":1,"journal":"/…","last":false}'
 *
 * It prints `up` once its agent runs. The last one of a slot records the rest,
 * delivers everything, prints `drained`, and ends on SIGTERM.
 */
import { once } from "node:events";
import process from "node:process";
import type { TaskEventKind } from "../../src/engines/contract.ts";
import { watchKv } from "./kv_points.ts";
import { openJournal } from "./journal.ts";
import { PLANT_VARIABLE } from "./plants.ts";
import { chosenPoints } from "./points.ts";
import { createRandom, type Random } from "./random.ts";
import { watchSql } from "./sql_points.ts";
import { createWriterAgent, plantOf, type WriterAgent } from "./writer_agent.ts";

/** What a writer is told to do. */
export interface WriterTask {
  /** Whose events these are; begins every task id. */
  readonly slot: string;
  /** Number of the first event. */
  readonly from: number;
  /** How many events. */
  readonly count: number;
  /** Seed of sizes and pauses. */
  readonly seed: number;
  /** Path of the journal. */
  readonly journal: string;
  /** Whether nobody follows: deliver everything. */
  readonly last: boolean;
}

const KINDS: readonly [TaskEventKind, ...TaskEventKind[]] = [
  "task.received",
  "task.started",
  "task.succeeded",
  "task.failed",
];
const LETTERS = 'abcdefghij klmnop äöü ß € 語 𝄞 "\\\n';

async function main(): Promise<void> {
  const task = JSON.parse(process.argv[2] ?? "{}") as WriterTask;
  // Unlike those of the library, this timer keeps the process alive.
  const alive = setInterval(() => {}, 60_000);
  const stopped = once(process, "SIGTERM");
  const points = chosenPoints();
  const plant = plantOf(PLANT_VARIABLE);
  await watchSql({ table: "entries", points });
  if (process.env["Z4J_BUFFER_STORE"] === "deno-kv") watchKv(points);
  const writer = createWriterAgent({ journal: openJournal(task.journal), points, plant });
  await writer.agent.start();
  console.log("up");
  await record(writer, task);
  if (task.last) {
    await deliver(writer);
    console.log("drained");
  }
  await stopped;
  await writer.agent.stop();
  clearInterval(alive);
}

async function record({ agent, settle }: WriterAgent, task: WriterTask): Promise<void> {
  const random = createRandom(task.seed);
  const end = task.from + task.count;
  for (let n = task.from; n < end;) {
    for (const stop = Math.min(end, n + random.size(1, 64)); n < stop; n++) {
      agent.record("chaos", {
        kind: random.pick(KINDS),
        taskId: `${task.slot}-${n}`,
        occurredAtMs: Date.now(),
        data: {
          taskName: "chaos.work",
          kwargs: { n, pad: pad(random) },
          extra: { proof: `p${n}` },
        },
      });
    }
    // Some groups are left to the buffer's own timer.
    if (random.chance(0.7)) await settle();
    await new Promise((resolve) => setTimeout(resolve, task.last ? 0 : random.int(0, 50)));
  }
  await settle();
}

// Below the 8192 bytes at which redaction cuts, on the way out and on arrival.
function pad(random: Random): string {
  let text = "";
  for (let left = random.chance(0.05) ? random.int(500, 2000) : random.size(1, 400); left > 0;) {
    text += LETTERS.charAt(random.int(0, LETTERS.length - 1));
    left--;
  }
  return text.toWellFormed();
}

async function deliver({ agent }: WriterAgent): Promise<void> {
  for (;;) {
    const { remaining } = await agent.flush({ timeoutMs: 5000 });
    if (remaining === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

await main();
process.exit(0);
