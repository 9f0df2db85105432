import { type Clock, sleep } from "../../../base/clock.ts";
import { errorText } from "../../../base/errors.ts";
import { randomHex } from "../../../base/ids.ts";
import { isJsonObject, type JsonValue } from "../../../base/json.ts";
import type { ActionContext, ActionOutcome, EngineCapability } from "../../contract.ts";
import { member, text } from "../facts.ts";
import { taskIdOf } from "../task_id.ts";
import { plainName } from "../worker_name.ts";
import { createMailbox, type Letter, type Mailbox, type Peer } from "./mailbox.ts";
import { orderHere, type WorkerOrder } from "./pool.ts";
import { cancelHere } from "./running.ts";
import type { CommandSite } from "./site.ts";

/** Brings orders to the process that can carry them out. */
export interface Router {
  /** Asks a job to stop that runs in another process. */
  cancel(queue: string, jobId: string, context: ActionContext): Promise<ActionOutcome>;
  /** Gives an order to a worker, wherever it runs. */
  order(worker: string, order: WorkerOrder, context: ActionContext): Promise<ActionOutcome>;
  /** Workers of other agents, as they announced themselves. */
  peers(): readonly Peer[];
  /** Looks which agents there are now. */
  refresh(): Promise<void>;
  /** Whether this process speaks for all of the project: one of them does. */
  isFirst(): boolean;
  /** Announces this process and takes orders of others, until the signal. */
  serve(scope: string, prefix: () => string, signal: AbortSignal): Promise<void>;
}

// A letter must be taken soon: what waits longer surprises.
const TAKE_MS = 8_000;
const LOOK_MS = 60;

/** Creates the router of an engine; alone until it serves. */
export function createRouter(site: CommandSite): Router {
  return new RedisRouter(site);
}

class RedisRouter implements Router {
  readonly #site: CommandSite;
  readonly #token = randomHex(8);
  #mailbox: Mailbox | undefined;
  #peers: readonly Peer[] = [];

  constructor(site: CommandSite) {
    this.#site = site;
  }

  peers(): readonly Peer[] {
    return this.#peers;
  }

  async refresh(): Promise<void> {
    this.#peers = await this.#mailbox?.announce(this.#own()) ?? this.#peers;
  }

  isFirst(): boolean {
    return this.#peers.every(({ token }) => token > this.#token);
  }

  async cancel(queue: string, jobId: string, context: ActionContext): Promise<ActionOutcome> {
    const peers = await this.#find(({ workers }) =>
      workers.some((worker) => worker.queue === queue)
    );
    const why = `the job runs in a process without an agent of this project`;
    return await this.#ask(peers, { kind: "cancel", queue, jobId }, why, context);
  }

  async order(worker: string, order: WorkerOrder, context: ActionContext): Promise<ActionOutcome> {
    const here = await orderHere(this.#site, worker, order, context);
    if (here !== undefined) return here;
    const peers = await this.#find(({ workers }) => workers.some(({ name }) => name === worker));
    const why = `no agent of this project has a worker ${worker}`;
    return await this.#ask(peers, { kind: "order", worker, order }, why, context);
  }

  async serve(scope: string, prefix: () => string, signal: AbortSignal): Promise<void> {
    const { clock, link } = this.#site;
    const mailbox = createMailbox({ link, scope, prefix: prefix(), token: this.#token });
    this.#mailbox = mailbox;
    let announcedMs = -Infinity;
    while (!signal.aborted) {
      if (clock.monotonic() - announcedMs >= ANNOUNCE_MS) {
        this.#peers = await mailbox.announce(this.#own()) ?? this.#peers;
        announcedMs = clock.monotonic();
      }
      // Alone in this Redis nobody writes.
      const letters = this.#peers.length === 0 ? [] : await mailbox.take();
      for (const letter of letters) void this.#answer(mailbox, letter);
      const waitMs = this.#peers.length === 0 ? ANNOUNCE_MS : TAKE_EVERY_MS;
      await sleep(clock, waitMs, signal);
    }
    await mailbox.leave();
  }

  #own(): Peer["workers"] {
    return this.#site.workers().flatMap(({ name, worker }) => {
      const own = { name, queue: worker.name };
      // Redis may know it under the name that the user gave it.
      const given = text(member(member(worker, "opts"), "name"));
      const other = given === undefined ? name : plainName(given);
      return other === name ? [own] : [own, { name: other, queue: worker.name }];
    });
  }

  async #find(match: (peer: Peer) => boolean): Promise<readonly Peer[]> {
    await this.refresh();
    return this.#peers.filter(match);
  }

  async #ask(
    peers: readonly Peer[],
    message: JsonValue,
    nobody: string,
    context: ActionContext,
  ): Promise<ActionOutcome> {
    const mailbox = this.#mailbox;
    if (mailbox === undefined || peers.length === 0) return { status: "refused", reason: nobody };
    const { clock } = this.#site;
    const waitMs = Math.max(0, context.remainingMs - 1_000);
    const endMs = clock.monotonic() + waitMs;
    const letter = await mailbox.send(peers, message, Math.min(TAKE_MS, waitMs), waitMs);
    if (letter === null) {
      return { status: "failed", error: "Redis cannot be reached; nothing was changed" };
    }
    const takenMs = clock.monotonic() + Math.min(TAKE_MS, waitMs);
    let answered = 0;
    let withdrawn: number | undefined;
    for (;;) {
      const replies = await mailbox.replies(letter);
      const answers = replies.flatMap((reply) => outcomeFrom(reply) ?? []);
      const found = answers.find((outcome) => !isPass(outcome));
      if (found !== undefined) return found;
      answered += answers.length;
      if (answered >= peers.length) return { status: "refused", reason: nobody };
      const isOver = clock.monotonic() >= endMs || context.signal.aborted;
      if (withdrawn === undefined && (isOver || clock.monotonic() >= takenMs)) {
        withdrawn = await mailbox.withdraw(peers, letter);
      }
      // Whoever took it has passed, and the rest can take it no more.
      if (withdrawn !== undefined && withdrawn > 0 && answered + withdrawn >= peers.length) {
        return { status: "failed", error: "a process that may have it did not take the order" };
      }
      if (isOver) {
        return {
          status: "indeterminate",
          reason: "the process that has it did not answer in time",
        };
      }
      await sleep(clock, LOOK_MS, context.signal);
    }
  }

  async #answer(mailbox: Mailbox, letter: Letter): Promise<void> {
    const outcome = await this.#carryOut(letter).catch((error: unknown): ActionOutcome => ({
      status: "indeterminate",
      reason: errorText(error),
    }));
    await mailbox.reply(letter, JSON.stringify(outcome));
  }

  async #carryOut({ message, remainingMs }: Letter): Promise<ActionOutcome> {
    const { clock } = this.#site;
    const context = timed(clock, remainingMs);
    try {
      if (!isJsonObject(message)) return PASS;
      const { kind, queue, jobId, worker, order } = message;
      if (kind === "cancel" && typeof queue === "string" && typeof jobId === "string") {
        const isHere = this.#site.workers().some((own) =>
          own.worker.name === queue && own.job(jobId) !== undefined
        );
        const parameters = { task_id: taskIdOf(queue, jobId) };
        const no = isHere ? this.#site.forbidden("cancel_task", parameters) : null;
        if (no !== null) return { status: "refused", reason: no };
        return await cancelHere(this.#site, queue, jobId, context) ?? PASS;
      }
      if (kind === "order" && typeof worker === "string" && isOrder(order)) {
        const isHere = this.#site.workers().some(({ name }) => name === worker);
        const no = isHere ? this.#site.forbidden(...claimOf(worker, order)) : null;
        if (no !== null) return { status: "refused", reason: no };
        return await orderHere(this.#site, worker, order, context) ?? PASS;
      }
      return PASS;
    } finally {
      context.end();
    }
  }
}

// How often a process tells that it is there, and looks for orders once others are.
const ANNOUNCE_MS = 3_000;
const TAKE_EVERY_MS = 400;

const NOT_HERE = "not here";
const PASS: ActionOutcome = { status: "refused", reason: NOT_HERE };

function isPass(outcome: ActionOutcome): boolean {
  return outcome.status === "refused" && outcome.reason === NOT_HERE;
}

function isOrder(value: JsonValue | undefined): value is JsonValue & WorkerOrder {
  if (!isJsonObject(value)) return false;
  const { kind, delta, queue, on } = value;
  return kind === "restart" || kind === "resize" && Number.isSafeInteger(delta) ||
    kind === "consume" && typeof queue === "string" && typeof on === "boolean";
}

// What the policy of this process would have been asked, had the brain come here.
function claimOf(
  worker: string,
  order: WorkerOrder,
): [EngineCapability, Readonly<Record<string, JsonValue>>] {
  const about = { worker_name: worker };
  if (order.kind === "restart") return ["restart_worker", about];
  if (order.kind === "resize") {
    return [order.delta > 0 ? "pool_grow" : "pool_shrink", { ...about, delta: order.delta }];
  }
  const action = order.on ? "add_consumer" : "cancel_consumer";
  return [action, { ...about, queue: order.queue }];
}

const STATUSES: ReadonlySet<unknown> = new Set([
  ...["done", "noop", "refused", "failed", "indeterminate"],
]);

// Whoever can write here can also write jobs; still nothing but the known shape is taken.
function outcomeFrom(reply: string): ActionOutcome | undefined {
  try {
    const value: unknown = JSON.parse(reply);
    if (!isJsonObject(value) || !STATUSES.has(value["status"])) return undefined;
    const result = isJsonObject(value["result"]) ? value["result"] : {};
    return { reason: "", error: "", ...value, result } as unknown as ActionOutcome;
  } catch {
    return undefined;
  }
}

interface TimedContext extends ActionContext {
  end(): void;
}

function timed(clock: Clock, remainingMs: number): TimedContext {
  const control = new AbortController();
  const stop = clock.setTimer(() => control.abort(), remainingMs);
  return { signal: control.signal, remainingMs, end: stop };
}
