import { type CancelTimer, type Clock, withDeadline } from "../base/clock.ts";
import { frameId } from "../base/ids.ts";
import { encodeCanonical } from "../protocol/canonical_json.ts";
import type { AgentStatusPayload, HeartbeatPayload } from "../protocol/frames.ts";
import type { HealthMonitor } from "./health.ts";
import { HEALTH_WAIT_MS, STATUS_PER_MINUTE } from "./limits.ts";
import type { Outbox } from "./outbox.ts";

/** What a heartbeat is made of. */
export interface HeartbeatParts {
  /** Time source. */
  readonly clock: Clock;
  /** Where frames wait. */
  readonly outbox: Pick<Outbox, "push">;
  /** Health of the engines. */
  readonly health: HealthMonitor;
  /** Facts of the heartbeat besides health. */
  readonly facts: () => Omit<HeartbeatPayload, "adapter_health" | "last_flush_at">;
  /** The status frame that goes with it, or `null` when it is switched off. */
  readonly status: (() => AgentStatusPayload) | null;
  /** Told about a heartbeat that could not be built; must not throw. */
  readonly failed: (error: unknown) => void;
}

/** Sends a heartbeat at once and then at the interval of the brain. */
export interface Heartbeat {
  /** A session began; health shrinks to what its frames can hold. */
  start(intervalMs: number, maxFrameBytes?: number): void;
  /** The session ended. */
  stop(): void;
}

// A brain shows health only up to this size well; lists shrink before it grows.
const MAX_HEALTH_CHARS = 300_000;

/** Creates a heartbeat that waits for its session. */
export function createHeartbeat(parts: HeartbeatParts): Heartbeat {
  const { clock } = parts;
  let cancel: CancelTimer = () => {};
  let generation = 0;
  let lastStatusAt = -Infinity;
  let healthChars = MAX_HEALTH_CHARS;

  const sendStatus = (status: () => AgentStatusPayload): void => {
    const now = clock.monotonic();
    if (now - lastStatusAt < 60_000 / STATUS_PER_MINUTE) return;
    lastStatusAt = now;
    pushFrame(parts.outbox, "agent_status", status());
  };

  const beat = async (mine: number): Promise<void> => {
    // A slow engine must not delay the sign of life: its last health goes out.
    await withDeadline(clock, parts.health.refresh(), HEALTH_WAIT_MS);
    if (mine !== generation) return;
    const adapter_health = bounded(parts.health.report(), healthChars);
    // A brain takes last_flush_at for the time of life of the workers (trap 18).
    const last_flush_at = new Date(clock.now()).toISOString();
    pushFrame(parts.outbox, "heartbeat", { ...parts.facts(), last_flush_at, adapter_health });
    if (parts.status !== null) sendStatus(parts.status);
  };

  const tick = (mine: number, intervalMs: number): void => {
    cancel = clock.setTimer(() => tick(mine, intervalMs), intervalMs);
    beat(mine).catch(parts.failed);
  };

  return {
    start(intervalMs, maxFrameBytes = Infinity) {
      cancel();
      // Texts within texts grow by their escapes; a third of a frame is safe.
      healthChars = Math.min(MAX_HEALTH_CHARS, Math.floor(maxFrameBytes / 3));
      generation++;
      tick(generation, intervalMs);
    },
    stop() {
      cancel();
      generation++;
    },
  };
}

function pushFrame(
  outbox: Pick<Outbox, "push">,
  type: "heartbeat" | "agent_status",
  payload: HeartbeatPayload | AgentStatusPayload,
): void {
  const payloadText = encodeCanonical(payload as unknown as Parameters<typeof encodeCanonical>[0]);
  outbox.push({ type, id: frameId("hb"), payloadText, expiresAtMs: null });
}

function bounded(health: Record<string, string>, mostChars: number): Record<string, string> {
  const out: Record<string, string> = {};
  let room = mostChars;
  for (const [key, value] of Object.entries(health).sort((a, b) => a[1].length - b[1].length)) {
    room -= key.length + value.length;
    if (room < 0) break;
    out[key] = value;
  }
  return out;
}
