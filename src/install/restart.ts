import type { Clock } from "../base/clock.ts";
import type { EngineRestart } from "../engines/contract.ts";
import type { Platform } from "../platform/port.ts";
import { endOwnProcess } from "../platform/end_process.ts";

/** Variables by which supervisors show themselves. */
export const SUPERVISOR_ENV_NAMES: readonly string[] = [
  "Z4J_ORCHESTRATED",
  "INVOCATION_ID",
  "NOTIFY_SOCKET",
  "pm_id",
  "SUPERVISOR_ENABLED",
  "KUBERNETES_SERVICE_HOST",
  "ECS_CONTAINER_METADATA_URI_V4",
  "FLY_APP_NAME",
  "K_SERVICE",
  "DYNO",
];

const SUPERVISORS: readonly (readonly [string, string])[] = [
  ["INVOCATION_ID", "systemd"],
  ["NOTIFY_SOCKET", "systemd"],
  ["pm_id", "pm2"],
  ["SUPERVISOR_ENABLED", "supervisord"],
  ["KUBERNETES_SERVICE_HOST", "kubernetes"],
  ["ECS_CONTAINER_METADATA_URI_V4", "ecs"],
  ["FLY_APP_NAME", "fly"],
  ["K_SERVICE", "knative"],
  ["DYNO", "heroku"],
];

// A process that ends sooner than that would go round in circles.
const MIN_UPTIME_MS = 60_000;
// The answer to the command leaves first.
const EXIT_DELAY_MS = 250;

/** Who starts this process anew when it ends, or `null`. */
export function findSupervisor(env: Readonly<Record<string, string>>): string | null {
  const told = (env["Z4J_ORCHESTRATED"] ?? "").toLowerCase();
  if (["0", "false", "no", "off"].includes(told)) return null;
  if (told !== "") return "Z4J_ORCHESTRATED";
  return SUPERVISORS.find(([name]) => (env[name] ?? "") !== "")?.[1] ?? null;
}

/** What restarting needs. */
export interface RestartParts {
  readonly platform: Pick<Platform, "env" | "pid">;
  readonly clock: Clock;
  /** Start of the process, Unix milliseconds. */
  readonly startedAtMs: number;
  /** Ends the process as SIGTERM does. Default: sends it. */
  readonly end?: () => void;
}

/**
 * Restarts by ending: SIGTERM to itself, so that the host drains as it always
 * does and the agent flushes. Only where a supervisor is known to start the
 * process anew, and not within a minute of its start.
 */
export function createRestart(parts: RestartParts): EngineRestart {
  const { platform, clock, startedAtMs, end = endOwnProcess } = parts;
  return {
    refusal() {
      if (findSupervisor(platform.env(SUPERVISOR_ENV_NAMES)) === null) {
        const inside = platform.pid === 1 ? " (it runs as pid 1, of unknown restart policy)" : "";
        return `no supervisor was found that would start the process again${inside}; ` +
          "set Z4J_ORCHESTRATED=1 if there is one";
      }
      const upMs = clock.now() - startedAtMs;
      if (upMs >= MIN_UPTIME_MS) return null;
      return `the process has run for ${Math.floor(upMs / 1000)} s, expected 60 s at least`;
    },
    exit: () => void clock.setTimer(end, EXIT_DELAY_MS),
  };
}
