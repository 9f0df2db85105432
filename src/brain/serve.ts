import { type Clock, systemClock } from "../base/clock.ts";
import { type Logger, noopLogger, safeLogger } from "../base/logger.ts";
import { defaultBrainDir, ensureBrainDir, keepSecret } from "../platform/serve_files.ts";
import { looksLikeApiToken, newApiToken } from "./auth.ts";
import { openBrainCore } from "./core.ts";
import { assembleBrain, type Brain } from "./http_brain.ts";
import { checkAddress, listenBrain, type RunningBrain } from "./http_listen.ts";
import { storeError } from "./sqlite_errors.ts";

/** Port of the brain unless another is named. */
export const DEFAULT_BRAIN_PORT = 7700;

/** How to create a brain. */
export interface BrainOptions {
  /** Where data is kept; `null` keeps it in memory. Default `~/.z4j/brain`. */
  readonly dataDir?: string | null | undefined;
  /** Slug of the project that the page shows; created when missing. Default `default`. */
  readonly project?: string | undefined;
  /** Where failures are written. Default: nowhere. */
  readonly logger?: Logger | undefined;
  /** Time. Default: that of the system. */
  readonly clock?: Clock | undefined;
}

/** How to start a brain. */
export interface StartBrainOptions extends BrainOptions {
  /** Port; 0 takes any free one. Default 7700. */
  readonly port?: number | undefined;
  /** A loopback address. Default `127.0.0.1`. */
  readonly hostname?: string | undefined;
}

/**
 * Creates a brain that a server on loopback can mount.
 *
 * @throws {Z4jError} `Z4J_BRAIN_STORE` when the data directory cannot be used.
 */
export async function createBrain(options: BrainOptions = {}): Promise<Brain> {
  const clock = options.clock ?? systemClock;
  const logger = safeLogger(options.logger ?? noopLogger);
  const dataDir = options.dataDir === undefined ? defaultBrainDir() : options.dataDir;
  if (dataDir !== null) ensureBrainDir(dataDir);
  const apiToken = dataDir === null
    ? newApiToken()
    : keepSecret(dataDir, "api-token", looksLikeApiToken, newApiToken);
  const core = await openBrainCore({ path: dataDir ?? ":memory:", clock, logger });
  const project = options.project ?? "default";
  try {
    return await assembleBrain({ core, apiToken, project, clock, logger });
  } catch (cause) {
    await core.close();
    throw storeError(dataDir ?? ":memory:", cause);
  }
}

/**
 * Starts a brain on this machine: gateway for agents, API and page.
 *
 * @throws {RangeError} when the host name is not loopback or the port is none.
 * @throws {Z4jError} `Z4J_BRAIN_SERVE` when the port is taken,
 * `Z4J_BRAIN_STORE` when the data directory cannot be used.
 *
 * @example Start, mint an agent, stop
 * ```ts
 * import { startBrain } from "@z4j/core/brain";
 *
 * await using brain = await startBrain({ port: 0, dataDir: null });
 * const { token, hmacSecret } = await brain.mint("worker-1");
 * ```
 */
export async function startBrain(options: StartBrainOptions = {}): Promise<RunningBrain> {
  const hostname = options.hostname ?? "127.0.0.1";
  const port = options.port ?? DEFAULT_BRAIN_PORT;
  checkAddress(hostname, port);
  return await listenBrain(await createBrain(options), hostname, port);
}
