import type { AgentParts } from "../agent/agent_types.ts";
import { Z4jError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { type BufferLocation, chooseBufferPath } from "../buffer/location.ts";
import { fingerprintOf } from "../buffer/fingerprint.ts";
import { openBuffer } from "../buffer/open.ts";
import type { EventBuffer } from "../buffer/port.ts";
import type { Platform } from "../platform/port.ts";
import type { StateFiles } from "../platform/state_files.ts";
import { decodeHmacSecret } from "../protocol/hmac.ts";
import type { Settings } from "../settings/settings.ts";

/** The files of an agent below its home. */
export interface AgentFiles {
  /** @throws {Z4jError} `Z4J_SETTINGS_INVALID` when the configured path is refused. */
  check(): void;
  /** Opens the buffer; tells once when it is not in its usual place. */
  openBuffer(): Promise<EventBuffer>;
  /** The home if it can be used, else the temporary one, or `null`. */
  home(): string | null;
  /** Small facts that the next process needs, under another process id. */
  readonly state: NonNullable<AgentParts["state"]>;
}

type Usable = Exclude<BufferLocation, { readonly kind: "rejected" }>;

/** Places the files of an agent; nothing is touched before they are needed. */
export function createAgentFiles(
  settings: Settings,
  platform: Platform,
  logger: Logger,
): AgentFiles {
  const locate = (): Usable => {
    const location = chooseBufferPath(settings, platform);
    if (location.kind !== "rejected") return location;
    throw new Z4jError("Z4J_SETTINGS_INVALID", location.problem);
  };
  return {
    check: () => void locate(),
    home: () => usableHome(settings, platform),
    async openBuffer() {
      const location = locate();
      const { bufferStore } = settings;
      // Deno KV needs no disk, and memory was asked for.
      if (bufferStore === "auto" || bufferStore === "sqlite") tell(location, logger);
      return await openBuffer({
        path: location.kind === "file" ? location.path : null,
        store: bufferStore === "auto" ? undefined : bufferStore,
        fingerprint: await fingerprintOf(decodeHmacSecret(settings.hmacSecret)),
        neighbours: true,
        limits: { maxEvents: settings.bufferMaxEvents, maxBytes: settings.bufferMaxBytes },
        durability: settings.durability,
        logger,
      });
    },
    state: lazyState(settings.projectId, locate),
  };
}

function tell(location: Usable, logger: Logger): void {
  if (location.kind === "memory") {
    const message = "Events wait in memory and are lost when the process ends";
    logger.warn({ reason: location.reason }, message);
  } else if (location.warning !== undefined) {
    logger.warn({}, location.warning);
  }
}

/** State beside the buffer files, so in a directory that has been proved. */
function lazyState(projectId: string, locate: () => Usable): AgentFiles["state"] {
  const kept = new Map<string, string>();
  let files: StateFiles | null | undefined;
  const open = async (): Promise<StateFiles | null> => {
    const location = locate();
    if (location.kind === "memory") return null;
    const { openStateFiles } = await import("../platform/state_files.ts");
    return openStateFiles(`${location.path.replace(/[\\/][^\\/]*$/, "")}/state`);
  };
  return {
    async getMeta(key) {
      files ??= await open();
      return await files?.getMeta(`${projectId}.${key}`) ?? kept.get(key) ?? null;
    },
    async setMeta(key, value) {
      files ??= await open();
      if (files !== null) return await files.setMeta(`${projectId}.${key}`, value);
      if (value === null) kept.delete(key);
      else kept.set(key, value);
    },
  };
}

/** The home, or the temporary root that stands in for it, as for the buffer. */
function usableHome(settings: Settings, platform: Platform): string | null {
  const location = chooseBufferPath({ home: settings.home, bufferPath: null }, platform);
  return location.kind === "file" ? location.path.replace(/[\\/][^\\/]*$/, "") : null;
}
