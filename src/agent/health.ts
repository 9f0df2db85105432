import type { Clock } from "../base/clock.ts";
import { isJsonObject, type JsonValue } from "../base/json.ts";
import type { Engine, EngineHealth, WorkerReport } from "../engines/contract.ts";
import type { Findings } from "./findings.ts";
import { guardCall } from "./guard.ts";
import { HEALTH_DEADLINE_MS, HEALTH_MAX_AGE_MS } from "./limits.ts";
import type { RedactorLike } from "./recorder.ts";

/** What the monitor is made of. */
export interface HealthParts {
  /** Engines to ask. */
  readonly engines: readonly Engine[];
  /** Time source. */
  readonly clock: Clock;
  /** Removes what is sensitive, for example from broker errors. */
  readonly redactor: RedactorLike;
  /** Process id of workers whose engine does not know it, or `null`. */
  readonly pid: number | null;
  /** Findings of the engines, which travel along. Default: none. */
  readonly findings?: Pick<Findings, "refresh" | "report"> | undefined;
}

/** The last known health of every engine. */
export interface HealthMonitor {
  /** Asks every engine that is not being asked; resolves when all have answered. */
  refresh(): Promise<void>;
  /** `adapter_health` of the heartbeat (protocol section 13). */
  report(): Record<string, string>;
}

interface Known {
  health: EngineHealth;
  error: string | null;
  atMs: number;
}

/** Creates a monitor that knows nothing yet. */
export function createHealthMonitor(parts: HealthParts): HealthMonitor {
  const { engines, clock, redactor, pid } = parts;
  const known = new Map<string, Known>();
  const asking = new Map<string, Promise<void>>();

  const ask = async (engine: Engine, health: () => Promise<EngineHealth>): Promise<void> => {
    const answer = await guardCall(clock, HEALTH_DEADLINE_MS, health);
    const before = known.get(engine.name);
    if (answer.ok) {
      known.set(engine.name, { health: answer.value, error: null, atMs: clock.monotonic() });
    } else {
      const { health: last, atMs } = before ?? { health: {}, atMs: clock.monotonic() };
      known.set(engine.name, { health: last, error: answer.error, atMs });
    }
    asking.delete(engine.name);
  };

  return {
    async refresh() {
      for (const engine of engines) {
        if (engine.health === undefined || asking.has(engine.name)) continue;
        asking.set(engine.name, ask(engine, engine.health.bind(engine)));
      }
      // Not waited for: lint asks more than a heartbeat may wait for.
      parts.findings?.refresh();
      await Promise.all(asking.values());
    },
    report() {
      const report: Record<string, string> = {};
      for (const [name, entry] of known) {
        const isStale = clock.monotonic() - entry.atMs > HEALTH_MAX_AGE_MS;
        const health = isStale ? {} : entry.health;
        try {
          describe(report, name, redactor.redact(plain(health, entry.error, pid)));
        } catch {
          // An engine that answers rubbish is left out; the heartbeat goes on.
        }
      }
      return { ...report, ...parts.findings?.report() };
    },
  };
}

// Members of adapter_health must be strings: nested values travel as JSON text.
function describe(report: Record<string, string>, engine: string, health: JsonValue): void {
  if (!isJsonObject(health)) return;
  for (const [key, value] of Object.entries(health)) {
    report[`${engine}.${key}`] = typeof value === "string" ? value : JSON.stringify(value);
  }
}

// A stock brain reads that many queues and lists of this order (section 13).
const MAX_QUEUES = 1024;
const MAX_WORKERS = 64;
const MAX_LISTED = 500;

function plain(
  health: EngineHealth,
  error: string | null,
  pid: number | null,
): Record<string, unknown> {
  const out: Record<string, unknown> = { ...health.facts };
  if (health.brokerType !== undefined) out["broker_type"] = health.brokerType;
  const connected = error === null ? health.brokerConnected : false;
  if (connected !== undefined) out["broker_connected"] = connected;
  const reason = error ?? health.brokerError;
  if (reason !== undefined) out["broker_error"] = reason;
  if (health.queueDepths !== undefined) out["queue_depths"] = depths(health.queueDepths);
  if (health.workers !== undefined) out["worker_details"] = workers(health.workers, pid);
  return out;
}

// One value that is no number would make a brain drop the rest of the map.
function depths(from: Readonly<Record<string, number>>): Record<string, number> {
  const usable = Object.entries(from).filter(([, depth]) => Number.isFinite(depth));
  return Object.fromEntries(
    usable.slice(0, MAX_QUEUES).map(([queue, depth]) => [queue, Math.max(0, Math.round(depth))]),
  );
}

function workers(from: readonly WorkerReport[], pid: number | null): Record<string, unknown> {
  return Object.fromEntries(
    from.slice(0, MAX_WORKERS).map((worker) => [worker.name, {
      stats: stats(worker, pid),
      active: worker.active.slice(0, MAX_LISTED),
      active_queues: worker.queues.slice(0, MAX_LISTED).map((name) => ({ name })),
      registered: (worker.registered ?? []).slice(0, MAX_LISTED),
    }]),
  );
}

// Workers of an engine run in this process, so its id is theirs unless they say otherwise.
function stats(worker: WorkerReport, ownPid: number | null): Record<string, unknown> {
  const pid = worker.pid ?? ownPid;
  const out: Record<string, unknown> = { ...worker.stats };
  if (pid !== null) out["pid"] = pid;
  if (worker.concurrency !== undefined) out["pool"] = { "max-concurrency": worker.concurrency };
  return out;
}
