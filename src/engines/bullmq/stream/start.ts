import { type Clock, sleep, withDeadline } from "../../../base/clock.ts";
import { randomHex } from "../../../base/ids.ts";
import type { EngineHost, EngineSink } from "../../contract.ts";
import { member, text } from "../facts.ts";
import type { BullProfile } from "../profile.ts";
import { openRedis, type RedisLink } from "../redis/link.ts";
import { hasOtherStore, type RedisOrigin } from "../redis/origin.ts";
import type { Reporter } from "../reporter.ts";
import { createGapReport, type GapReport } from "./gap_report.ts";
import { sharedKeys } from "./keys.ts";
import { announceWorkers, type OwnWorker } from "./presence.ts";
import { runStreamReader } from "./reader.ts";

/** What watching the streams of other processes needs. */
export interface StreamWatchOptions {
  readonly origin: RedisOrigin;
  /** For short commands; whoever sends commands uses it as well. */
  readonly commands: RedisLink;
  /** The prefix that the user named, if any. */
  readonly prefix: string | undefined;
  /** Whether the user said how to connect. */
  readonly hasConnection: boolean;
  /** Queues and workers at hand now. */
  readonly owners: () => readonly unknown[];
  /** Names of the queues at hand now. */
  readonly queueNames: () => readonly string[];
  /** Workers whose jobs this process reports. */
  readonly workers: () => readonly OwnWorker[];
  readonly sink: EngineSink;
  readonly host: EngineHost;
  readonly reporter: Reporter;
  readonly profile: BullProfile;
  readonly clock: Clock;
  /** Process id, if it is known. */
  readonly pid?: number | undefined;
}

/** The watch over what other processes do. */
export interface StreamWatch {
  /** What was lost, for the health page. */
  facts(): Readonly<Record<string, string>> | undefined;
  /** Gives the lease back and ends. */
  stop(): Promise<void>;
}

// BullMQ's own default.
const PREFIX = "bull";

/** Starts the reader and the announcement of this process's workers; never throws. */
export function startStreamWatch(options: StreamWatchOptions): StreamWatch {
  const control = new AbortController();
  const gaps = createGapReport(options.sink);
  const blocking = openRedis({ origin: options.origin, role: "blocking", clock: options.clock });
  // Ends at once when what waits for new entries is dropped.
  control.signal.addEventListener("abort", () => blocking.drop(), { once: true });
  const running = run(options, blocking, gaps, control.signal).catch((error: unknown) => {
    options.sink.notice({ error: String(error) }, "The watch over other processes ended");
  });
  return {
    facts: () => gaps.facts(),
    async stop() {
      control.abort();
      // A disk that hangs must not keep connections open.
      await withDeadline(options.clock, running, STOP_MS);
      blocking.close();
    },
  };
}

async function run(
  options: StreamWatchOptions,
  blocking: RedisLink,
  gaps: GapReport,
  signal: AbortSignal,
): Promise<void> {
  const { owners, sink, clock, commands, host } = options;
  while (!signal.aborted && !options.hasConnection && owners().length === 0) {
    await sleep(clock, FIRST_OWNER_MS, signal);
  }
  if (!options.hasConnection && owners().length > 0 && owners().every(hasOtherStore)) {
    sink.notice({}, "Events of other processes are not watched: the jobs are not kept in Redis");
    return;
  }
  // The process id says in Redis whose lease it is.
  const token = `${options.pid ?? 0}-${randomHex(8)}`;
  const prefix = prefixOf(options);
  const keys = sharedKeys(host.scope, prefix);
  await Promise.all([
    announceWorkers({ link: commands, keys, host, clock, token, signal, workers: options.workers }),
    runStreamReader({
      ...options,
      blocking,
      prefix,
      known: options.queueNames,
      ownWorkers: options.workers,
      token,
      gaps,
      signal,
    }),
  ]);
}

function prefixOf({ prefix, owners, sink }: StreamWatchOptions): string {
  const found = new Set(owners().map((owner) => text(member(member(owner, "opts"), "prefix"))));
  const first = prefix ?? [...found][0] ?? PREFIX;
  if ([...found].some((one) => (one ?? PREFIX) !== first)) {
    sink.notice(
      { prefix: first },
      "Only one prefix is watched across processes; use an engine each",
    );
  }
  return first;
}

const FIRST_OWNER_MS = 250;
const STOP_MS = 1_500;
