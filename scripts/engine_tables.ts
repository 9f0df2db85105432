/**
 * Writes the capability tables of `docs/engines/bullmq.md` from what the adapters
 * attest; with `--check` it only tells whether they are what it would write.
 *
 *     engine_tables.ts [--check]
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { bullmqEngine } from "../src/engines/bullmq/mod.ts";
import { bunqueueEngine } from "../src/engines/bunqueue/mod.ts";
import { bullmqScheduler } from "../src/schedulers/bullmq/mod.ts";
import { report } from "./gates/source_files.ts";

const PATH = "docs/engines/bullmq.md";

/** What each token does to a job, a queue or a worker; a token without a line fails the gate. */
const ENGINE: Readonly<Record<string, string>> = {
  submit_task:
    "Adds a job. A time becomes `delay`; an idempotency key becomes the job id `z4j-…`. Critical and high go to the front (`lifo`), low gets priority 1000. Takes named inputs or exactly one argument",
  retry_task:
    "Runs a job that ended again: the same job and id with its own inputs and a fresh budget of attempts. A time or other inputs make a copy or change the failed job first; the outcome names the job that runs",
  bulk_retry:
    "Retries the listed ids, each with an outcome of its own. Never the whole queue: without ids nothing happens",
  retry_by_reference_v1: "Promise behind the retries: inputs come from Redis, never from the brain",
  cancel_task:
    "A job that waits is removed, its children stay. A running one is told through its `AbortSignal`; work that does not listen goes on and the outcome says so (`soft`). Where the processor takes no signal, the job fails at once without a further attempt and its result is discarded, while its work goes on to its own end (`soft` too). The next run of a job scheduler is refused: disable the schedule",
  purge_queue:
    "Removes waiting, prioritized and delayed jobs with `clean()`, never with `drain()`, which breaks job schedulers. Needs the keyed token for the present depth",
  list_dead_letters: "Lists failed jobs, newest first; jobs are read, not changed",
  requeue_dead_letter: "Runs a failed job again, as a retry does",
  rate_limit: "Sets or removes the limit of the whole queue; running jobs finish",
  pause_queue: "The queue gives out no more jobs in any process; running jobs finish",
  resume_queue: "The queue gives out jobs again",
  queue_concurrency: "Limits how many jobs of the queue run at once in all processes",
  pool_grow: "A worker takes more jobs at once, from the next job on",
  pool_shrink: "A worker takes fewer jobs at once once present ones end; at least one",
  add_consumer: "A worker of the queue takes jobs again",
  cancel_consumer: "A worker of the queue takes no more jobs; running ones finish",
  restart_worker:
    "Workers of the process finish their jobs, then the process ends for its supervisor to start",
};

const SCHEDULER: Readonly<Record<string, string>> = {
  list: "Job schedulers of the queues and those that are switched off, read in one step",
  read: "Part of the list",
  create:
    "`upsertJobScheduler`; the name is the id. The first run comes at its time, never at once",
  update:
    "`upsertJobScheduler` under a short lock; limit, end and job options stay. Refused when it changed since it was listed",
  delete: "`removeJobScheduler`, and the run of it that waits already is removed",
  enable:
    "Makes the scheduler again from the kept definition, on its old slots. Also repairs a stuck one",
  disable:
    "Keeps the definition in Redis and takes the scheduler and its pending run out; a running job finishes",
  trigger_now: "Adds one job from the template; the cadence stays as it is",
};

const queue = {
  name: "docs",
  add: () => Promise.reject(new Error("no queue")),
  getJob: () => Promise.resolve(null),
  getJobState: () => Promise.resolve("unknown"),
  getJobCounts: () => ({}),
  upsertJobScheduler: () => Promise.resolve(),
  removeJobScheduler: () => Promise.resolve(false),
  getJobScheduler: () => Promise.resolve(),
  remove: () => Promise.resolve(0),
  toKey: (part: string) => part,
};
const worker = { name: "docs", on() {}, off() {} };

const bullmq: ReadonlySet<string> = new Set(
  bullmqEngine({ queues: [queue], workers: [worker] }).capabilities,
);
const bunqueue: ReadonlySet<string> = new Set(
  bunqueueEngine({ queues: [queue], workers: [worker] }).capabilities,
);
const scheduler: ReadonlySet<string> = new Set(bullmqScheduler({ queues: [queue] }).capabilities);

function mark(attested: ReadonlySet<string>, token: string): string {
  return attested.has(token) ? "yes" : "–";
}

const TABLES: Readonly<Record<string, string>> = {
  engine: [
    "| capability | BullMQ | bunqueue | what it does |",
    "| --- | --- | --- | --- |",
    ...Object.entries(ENGINE).map(([token, text]) =>
      `| \`${token}\` | ${mark(bullmq, token)} | ${mark(bunqueue, token)} | ${text} |`
    ),
    "| (no token) | yes | yes | `reconcile_task` looks a job up and changes nothing |",
  ].join("\n"),
  scheduler: [
    "| capability | BullMQ | what it does |",
    "| --- | --- | --- |",
    ...Object.entries(SCHEDULER).map(([token, text]) =>
      `| \`${token}\` | ${mark(scheduler, token)} | ${text} |`
    ),
  ].join("\n"),
};

function written(page: string): string {
  const text = Object.entries(TABLES).reduce((whole, [name, table]) => {
    const [start, end] = [`<!-- table:${name} -->`, `<!-- /table:${name} -->`];
    const [before, rest = ""] = whole.split(start);
    const [, after = ""] = rest.split(end);
    return `${before}${start}\n\n${table}\n\n${end}${after}`;
  }, page);
  const args = ["fmt", "--ext", "md", "-"];
  return execFileSync("node_modules/.bin/deno", args, { input: text, encoding: "utf8" });
}

const findings = [...bullmq, ...bunqueue].filter((token) => !(token in ENGINE))
  .concat([...scheduler].filter((token) => !(token in SCHEDULER)))
  .map((token) => `scripts/engine_tables.ts: the capability ${token} has no line`);
const present = readFileSync(PATH, "utf8");
const wanted = written(present);
if (process.argv.includes("--check")) {
  if (wanted !== present) {
    findings.push(`${PATH}: the tables are old, write them with scripts/engine_tables.ts`);
  }
} else {
  writeFileSync(PATH, wanted);
}
process.exitCode = report("engine tables", findings, `(${bullmq.size} capabilities)`);
