import { backoffMs } from "../../../base/backoff.ts";
import { type Clock, sleep } from "../../../base/clock.ts";
import type { EngineHost, EngineSink } from "../../contract.ts";
import { type Ancestors, createAncestors } from "../ancestors.ts";
import { text } from "../facts.ts";
import { flowKey, parentPlace } from "../flow.ts";
import type { BullProfile } from "../profile.ts";
import type { RedisAnswer, RedisLink } from "../redis/link.ts";
import { type Reporter, withExtra } from "../reporter.ts";
import { closeGap } from "./close_gap.ts";
import {
  type ConnectionNames,
  connectionNames,
  type Coverage,
  liveText,
  queuesInDoubt,
  readCoverage,
} from "./coverage.ts";
import { discoverQueues } from "./discover.ts";
import { tellRound } from "./entry_events.ts";
import type { GapReport } from "./gap_report.ts";
import { type SharedKeys, sharedKeys } from "./keys.ts";
import {
  BLOCK_MS,
  COALESCE_MS,
  DISCOVER_MS,
  FAILURE_BACKOFF,
  LEASE_MS,
  MAX_FIELD_BYTES,
  MAX_LOG_LINES,
  REFUSED_MS,
  ROUND_ENTRIES,
  ROUND_TOLD,
  STANDBY_MS,
} from "./limits.ts";
import { positionText } from "./position.ts";
import type { OwnWorker } from "./presence.ts";
import { keepPositions, loadBeginning, SINCE_FIELD, streamsOf } from "./positions.ts";
import { parseRounds, type QueueRound } from "./round.ts";
import { COLLECT, COMMIT, RELEASE } from "./scripts.ts";
import { WatchedQueue } from "./watched_queue.ts";

/** What a reader needs. */
export interface StreamReaderOptions {
  /** For short commands; shared with whoever sends commands. */
  readonly commands: RedisLink;
  /** Workers of this process. */
  readonly ownWorkers: () => readonly OwnWorker[];
  /** For the one command that waits; the reader alone uses it. */
  readonly blocking: RedisLink;
  readonly prefix: string;
  /** Queues at hand, read even where others cannot be found. */
  readonly known: () => readonly string[];
  readonly host: EngineHost;
  readonly sink: EngineSink;
  readonly reporter: Reporter;
  readonly profile: BullProfile;
  readonly clock: Clock;
  /** Tells this process apart. */
  readonly token: string;
  readonly gaps: GapReport;
  readonly signal: AbortSignal;
}

/** How a step of the reader ended. */
type Step =
  | "ok"
  /** Redis is away for now. */
  | "away"
  /** Redis forbids something that only an operator can allow. */
  | "refused"
  /** Another agent reads. */
  | "standby";

/**
 * Reads the streams of all queues of a prefix while this agent holds the lease,
 * and waits for the lease otherwise. Ends with the signal; never rejects.
 */
export async function runStreamReader(options: StreamReaderOptions): Promise<void> {
  await new StreamReader(options).run();
}

class StreamReader {
  readonly #options: StreamReaderOptions;
  readonly #keys: SharedKeys;
  readonly #ancestors: Ancestors;
  readonly #queues = new Map<string, WatchedQueue>();
  #leading = false;
  #sinceMs = 0;
  // Time of the server before ours.
  #offsetMs = 0;
  #coverage: Coverage | undefined;
  #names: ConnectionNames;
  #canScan = true;
  #canBlock = true;
  #failures = 0;
  #discoverAtMs = -Infinity;
  #keptAtMs = -Infinity;
  #kept = "";

  constructor(options: StreamReaderOptions) {
    this.#options = options;
    this.#keys = sharedKeys(options.host.scope, options.prefix);
    const { commands, clock } = options;
    this.#ancestors = createAncestors(async (place) => {
      const answer = await commands.call("HGET", [flowKey(place), "parent"]);
      if (answer.ended !== "value") throw new Error(answer.error);
      const json = text(answer.value);
      return json === undefined ? undefined : parentPlace({ parent: JSON.parse(json) as unknown });
    }, clock);
  }

  async run(): Promise<void> {
    const { signal, clock } = this.#options;
    while (!signal.aborted) {
      let step: Step;
      try {
        step = await this.#step();
      } catch (error) {
        this.#tell("a round failed", { error: String(error) });
        step = "away";
      }
      if (step === "ok") this.#failures = 0;
      else await sleep(clock, this.#pauseMs(step), signal);
    }
    await this.#release();
  }

  async #step(): Promise<Step> {
    const lease = await this.#commit();
    if (lease !== "ok") return lease;
    if (!this.#leading) {
      const begun = await this.#begin();
      if (begun !== "ok") return begun;
    }
    if (this.#options.clock.monotonic() >= this.#discoverAtMs) {
      const looked = await this.#look();
      if (looked !== "ok") return looked;
    }
    const dirty = [...this.#queues.values()].filter((queue) =>
      queue.dirty || queue.gap !== undefined
    );
    if (dirty.length > 0) return await this.#collect(dirty);
    return await this.#wait();
  }

  /** Takes or renews the lease, and moves the positions of all queues to what is settled. */
  async #commit(): Promise<Step> {
    const { commands, token, clock } = this.#options;
    const fields = this.#leading ? this.#fields() : [];
    const { lease, cursors } = this.#keys;
    const answer = await commands.call("EVAL", [
      COMMIT,
      2,
      lease,
      cursors,
      token,
      LEASE_MS,
      ...fields,
    ]);
    if (answer.ended !== "value") return this.#failed("EVAL", answer);
    if (answer.value !== 1) {
      this.#leading = false;
      this.#options.blocking.drop();
      return "standby";
    }
    const text = fields.join(" ");
    if (text !== this.#kept && clock.monotonic() - this.#keptAtMs >= LEASE_MS) {
      this.#kept = text;
      this.#keptAtMs = clock.monotonic();
      void keepPositions(this.#options.host, fields);
    }
    return "ok";
  }

  #fields(): readonly string[] {
    const { durableMs } = this.#coverage ?? {};
    const fields = [SINCE_FIELD, String(this.#sinceMs)];
    for (const queue of this.#queues.values()) {
      queue.settle(durableMs?.get(queue.name) ?? Infinity);
      fields.push(queue.name, positionText(queue.settled));
    }
    return fields;
  }

  /** Finds out where an earlier reader stopped. */
  async #begin(): Promise<Step> {
    const { commands, host, prefix } = this.#options;
    const beginning = await loadBeginning(commands, this.#keys, host);
    if (beginning === undefined) return "away";
    const coverage = await this.#refreshCoverage();
    if (coverage === undefined) return "away";
    this.#sinceMs = beginning.sinceMs ?? coverage.nowMs;
    this.#queues.clear();
    for (const [name, position] of beginning.positions) {
      this.#queues.set(name, new WatchedQueue(prefix, name, position));
    }
    this.#leading = true;
    this.#discoverAtMs = -Infinity;
    return "ok";
  }

  /** Looks for queues, and for workers that report themselves. */
  async #look(): Promise<Step> {
    const { commands, prefix, known, clock } = this.#options;
    const begunMs = clock.monotonic();
    this.#names = await connectionNames(commands);
    if (await this.#refreshCoverage() === undefined) return "away";
    const names = new Set(known());
    if (this.#canScan) {
      const found = await discoverQueues(commands, prefix);
      if (found.ended === "away") return "away";
      if (found.ended === "refused") {
        this.#canScan = false;
        this.#tell("Only attached queues are watched: Redis forbids SCAN", { error: found.error });
      } else {
        for (const name of found.queues) names.add(name);
        if (!found.complete) this.#tell("There are more queues than are watched", {});
      }
    }
    for (const name of names) {
      if (!this.#queues.has(name)) this.#queues.set(name, new WatchedQueue(prefix, name));
    }
    // A Redis with millions of keys is looked through less often.
    const tookMs = clock.monotonic() - begunMs;
    this.#discoverAtMs = begunMs + Math.max(DISCOVER_MS, tookMs * 20);
    return "ok";
  }

  async #refreshCoverage(): Promise<Coverage | undefined> {
    const { commands, prefix, clock } = this.#options;
    const coverage = await readCoverage(commands, this.#keys, prefix, this.#names);
    if (coverage === undefined) return undefined;
    for (const name of queuesInDoubt(this.#coverage, coverage)) this.#queues.get(name)?.goBack();
    this.#offsetMs = coverage.nowMs - clock.now();
    return this.#coverage = coverage;
  }

  async #collect(queues: readonly WatchedQueue[]): Promise<Step> {
    const { commands, token, clock } = this.#options;
    const begunMs = clock.monotonic();
    const answer = await commands.call("EVAL", [
      ...[COLLECT, queues.length + 1, this.#keys.lease],
      ...queues.map(({ streamKey }) => streamKey),
      ...[token, ROUND_ENTRIES, MAX_FIELD_BYTES, MAX_LOG_LINES, this.#live(queues), ROUND_TOLD],
      ...queues.flatMap(({ base, read }) => [base, read.id]),
    ], 10_000);
    if (answer.ended !== "value") return this.#failed("XRANGE", answer);
    if (answer.value === "LOST") {
      this.#leading = false;
      return "standby";
    }
    // A process that was frozen here must not speak for a lease that ran out.
    if (clock.monotonic() - begunMs > LEASE_MS) return "ok";
    const rounds = parseRounds(answer.value);
    for (const round of rounds) {
      const queue = queues[round.index];
      if (queue === undefined) continue;
      queue.begin(round.state);
      this.#tellRound(queue, round);
    }
    await this.#stored();
    for (const round of rounds) {
      const queue = queues[round.index];
      if (queue === undefined) continue;
      queue.finish(round.state);
      queue.dirty = round.hasMore;
    }
    return await this.#closeGaps(queues);
  }

  #live(queues: readonly WatchedQueue[]): string {
    const own = this.#options.ownWorkers();
    return liveText(queues.map(({ name }) => name), this.#coverage, own, this.#offsetMs);
  }

  #tellRound(queue: WatchedQueue, round: QueueRound): void {
    const { reporter } = this.#options;
    const told = tellRound(
      round,
      queue.streamKey,
      (nowMs) => ({ ...reporter.sight(queue.name), nowMs }),
    );
    for (const one of told) {
      const extra = one.atMs < this.#sinceMs ? { replayed: true } : {};
      if (one.kind === "events") {
        reporter.report(() => withExtra(one.events, extra));
        continue;
      }
      queue.gap?.seen.add(String(one.job.id));
      const gone = one.inputsGone ? { inputs_missing: true } : {};
      reporter.arrival(one.job, queue.name, this.#ancestors, { ...extra, ...gone });
    }
    for (const job of round.jobs.values()) {
      if (job.corrupt.length === 0) continue;
      this.#tell(`A job of the queue ${queue.name} holds values that are not JSON`, {
        job: job.id,
        members: job.corrupt.join(", "),
      });
      break;
    }
  }

  /** Rebuilds what was trimmed, once the rest of the stream is read. */
  async #closeGaps(queues: readonly WatchedQueue[]): Promise<Step> {
    for (const queue of queues) {
      if (queue.gap === undefined || queue.dirty) continue;
      const { commands, reporter, profile, clock, gaps, signal } = this.#options;
      const closed = await closeGap({
        ...{ queue, commands, reporter, profile, clock, gaps },
        ancestors: this.#ancestors,
        stored: () => this.#stored(),
        renew: async () => await this.#commit() === "ok" && !signal.aborted,
        tell: (message) => this.#tell(message, {}),
      });
      if (!closed) return "away";
    }
    return "ok";
  }

  /** Waits until some stream has something new. */
  async #wait(): Promise<Step> {
    const { blocking, clock, signal } = this.#options;
    const queues = [...this.#queues.values()];
    if (queues.length === 0 || !this.#canBlock) {
      await sleep(clock, POLL_MS, signal);
      for (const queue of queues) queue.dirty = true;
      return "ok";
    }
    const answer = await blocking.call("XREAD", [
      ...["BLOCK", BLOCK_MS, "COUNT", 1, "STREAMS"],
      ...queues.map(({ streamKey }) => streamKey),
      ...queues.map(({ read }) => read.id),
    ], BLOCK_MS + 3_000);
    if (answer.ended === "refused" && FORBIDDEN.has(answer.code)) {
      this.#canBlock = false;
      this.#tell("New events are asked for instead of waited for: Redis forbids XREAD", {
        error: answer.error,
      });
      return "ok";
    }
    if (answer.ended !== "value") return this.#failed("XREAD", answer);
    const news = new Set(streamsOf(answer.value));
    for (const queue of queues) queue.dirty ||= news.has(queue.streamKey);
    if (news.size > 0) await sleep(clock, COALESCE_MS, signal);
    return "ok";
  }

  async #stored(): Promise<void> {
    await this.#options.reporter.settled();
    await this.#options.host.stored();
  }

  #failed(command: string, answer: Exclude<RedisAnswer, { readonly ended: "value" }>): Step {
    if (answer.ended !== "refused") return "away";
    const isKnown = FORBIDDEN.has(answer.code) || /unknown command|ACL/i.test(answer.error);
    if (!isKnown) return PASSING.has(answer.code) ? "away" : this.#odd(answer.error);
    this.#tell(
      `Events of other processes are not watched: Redis refuses ${command}`,
      { error: answer.error },
    );
    return "refused";
  }

  #odd(error: string): Step {
    this.#tell("Redis answered a reader with an error", { error });
    return "away";
  }

  #pauseMs(step: Step): number {
    if (step === "refused") return REFUSED_MS;
    if (step === "standby") return STANDBY_MS * (0.75 + Math.random() / 2);
    return backoffMs(++this.#failures, FAILURE_BACKOFF, Math.random());
  }

  #tell(message: string, facts: Readonly<Record<string, unknown>>): void {
    this.#options.sink.notice(facts, message);
  }

  async #release(): Promise<void> {
    const { commands, token, host } = this.#options;
    if (!this.#leading) return;
    await this.#stored();
    await this.#commit();
    await commands.call("EVAL", [RELEASE, 1, this.#keys.lease, token], 500);
    await keepPositions(host, this.#fields());
  }
}

const POLL_MS = 500;
const FORBIDDEN: ReadonlySet<string> = new Set(["NOPERM", "NOAUTH"]);
const PASSING: ReadonlySet<string> = new Set(
  "READONLY LOADING MASTERDOWN BUSY OOM UNBLOCKED".split(" "),
);
