import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { claimPath } from "./claim.ts";
import { loadFileOps } from "./file_ops_node.ts";
import { loadSqlite } from "./load_sqlite.ts";
import { bufferNames } from "./names.ts";
import { startNeighbourhood } from "./neighbours.ts";
import type { OpenBufferOptions } from "./open.ts";
import type { Home, OpenedStore } from "./opened.ts";
import { openAnyOrphan } from "./open_orphan.ts";
import type { OrphanParts } from "./orphan.ts";
import type { StoreLimits } from "./port.ts";
import { openSqliteStore } from "./sqlite.ts";

/**
 * Opens the SQLite file of a buffer, claimed first where others use the directory.
 *
 * @throws What the driver and the file system throw; the caller then uses memory.
 */
export async function openFile(
  options: OpenBufferOptions,
  wanted: string,
  limits: StoreLimits,
  logger: Logger,
  clock: Clock,
): Promise<OpenedStore> {
  const { fingerprint } = options;
  const driver = await (options.sqlite ?? loadSqlite)();
  const files = await (options.files ?? loadFileOps)();
  const parts: OrphanParts = { driver, files, logger, clock, fingerprint: fingerprint ?? null };
  const claim = options.neighbours === true ? claimPath(wanted, parts) : undefined;
  const path = claim?.path ?? wanted;
  try {
    const store = openSqliteStore({
      driver,
      path,
      limits,
      files,
      logger,
      fingerprint,
      now: () => clock.now(),
      onRecreated: () => claim?.lock.renew(),
    });
    if (claim === undefined) return { store };
    const home: Home = {
      own: path,
      limits,
      names: () => bufferNames(path, files),
      open: (found) => openAnyOrphan(found, parts),
      watch: startNeighbourhood,
      release: () => claim.lock.release(),
    };
    return { store, home };
  } catch (error) {
    claim?.lock.release();
    throw error;
  }
}
