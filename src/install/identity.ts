import type { AgentIdentity } from "../agent/agent_types.ts";
import { randomHex } from "../base/ids.ts";
import { VERSION } from "../base/version.ts";
import type { Platform } from "../platform/port.ts";
import type { Settings } from "../settings/settings.ts";

// The stock dashboard judges by the part before the plus sign and ignores the
// rest, so the agent shows as current (protocol section 4.2).
const COMPATIBLE_VERSION = "1.13.0";

// Room for the other parts of a worker id, which has 128 characters in all.
const MAX_HOST_CHARS = 48;

/**
 * What this process tells about itself. The framework is read at each hello, so
 * that a middleware may name it after the agent was made.
 */
export function createIdentity(
  settings: Settings,
  platform: Pick<Platform, "hostname" | "pid">,
  framework: () => string,
  startedAtMs: number,
  brings: Brings = { engines: 0, schedulers: 0 },
): AgentIdentity {
  const host = plainName(platform.hostname);
  const slot = `${host}-${platform.pid}-${startedAtMs}-${randomHex(2)}`;
  return {
    get framework() {
      return framework();
    },
    agentVersion: `${COMPATIBLE_VERSION}+z4j-js.${VERSION}`,
    hostName: settings.agentName ?? host,
    get workerId() {
      return `${framework()}-${slot}`;
    },
    get workerRole() {
      return settings.workerRole ?? inferRole(framework(), brings);
    },
    pid: platform.pid,
    startedAtMs,
    environment: settings.environment,
    tags: settings.tags,
  };
}

/** A name that no redaction rule takes for an e-mail address (protocol section 11.1). */
function plainName(text: string): string {
  return text.replace(/[^\w.-]/g, "-").slice(0, MAX_HOST_CHARS);
}

/** How much a process brings to watch. */
export interface Brings {
  readonly engines: number;
  readonly schedulers: number;
}

// The dashboard's word for a worker is `task` (protocol section 4.1).
const WORKER_ROLE = "task";

/**
 * What a process is when nobody says so: `web` with a web framework's
 * middleware, else `task` with an engine, `scheduler` with a scheduler alone.
 */
export function inferRole(framework: string, { engines, schedulers }: Brings): string | null {
  if (framework !== "bare") return "web";
  if (engines > 0) return WORKER_ROLE;
  return schedulers > 0 ? "scheduler" : null;
}
