import type { Clock } from "../base/clock.ts";
import { systemClock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import { noopLogger, safeLogger } from "../base/logger.ts";
import type { Logger } from "../base/logger.ts";
import type { FileOps } from "./file_ops.ts";
import { loadFileOps } from "./file_ops_node.ts";
import { createGroupedBuffer } from "./grouped.ts";
import type { GroupedBuffer } from "./grouped.ts";
import { DISK_LIMITS, fillLimits, MEMORY_LIMITS } from "./limits.ts";
import { loadSqlite } from "./load_sqlite.ts";
import { createMemoryStore } from "./memory.ts";
import type { Durability, EventStore, StoreLimits } from "./port.ts";
import { openSqliteStore } from "./sqlite.ts";
import type { OpenSqlite } from "./sqlite_driver.ts";

/** What `openBuffer` needs. */
export interface OpenBufferOptions {
  /** Path of the file in an existing directory, or `null` to choose memory. */
  readonly path: string | null;
  /** Bounds. Default: 100 000 events and 256 MiB on disk, 20 000 and 32 MiB in memory. */
  readonly limits?: Partial<StoreLimits>;
  /** When an event is on disk. Default: `"group"`, within some 20 ms. */
  readonly durability?: Durability;
  /** Where trouble is told. Default: nowhere. */
  readonly logger?: Logger;
  /** Time and timers. Default: those of the process. */
  readonly clock?: Clock;
  /** A number in [0, 1) for the jitter of retries. Default: `Math.random`. */
  readonly random?: () => number;
  /** Loads SQLite. Default: that of the runtime. */
  readonly sqlite?: () => Promise<OpenSqlite>;
  /** Loads the file system. Default: `node:fs`. */
  readonly files?: () => Promise<FileOps>;
}

/**
 * Opens the durable buffer of an agent: a SQLite file with mode 0600. Events
 * that an earlier run left in it are kept and come first. A damaged file is
 * renamed aside. When the file cannot be used at all, events wait in memory and
 * one warning says so; `capabilities.durable` is then `false`.
 *
 * @throws {RangeError} When a bound is no whole number from 1.
 *
 * @example
 * ```ts
 * import { openBuffer } from "@z4j/core/buffer";
 * import { equal } from "node:assert/strict";
 *
 * const buffer = await openBuffer({ path: null });
 * equal(buffer.capabilities.kind, "memory");
 * await buffer.close();
 * ```
 */
export async function openBuffer(options: OpenBufferOptions): Promise<GroupedBuffer> {
  const logger = safeLogger(options.logger ?? noopLogger);
  const clock = options.clock ?? systemClock;
  return createGroupedBuffer({
    store: await openStore(options, logger, clock),
    clock,
    logger,
    ...(options.durability === undefined ? {} : { durability: options.durability }),
    ...(options.random === undefined ? {} : { random: options.random }),
  });
}

async function openStore(
  options: OpenBufferOptions,
  logger: Logger,
  clock: Clock,
): Promise<EventStore> {
  const { path } = options;
  if (path === null) return createMemoryStore(options.limits);
  const limits = fillLimits(options.limits, DISK_LIMITS);
  try {
    const driver = await (options.sqlite ?? loadSqlite)();
    const files = await (options.files ?? loadFileOps)();
    return openSqliteStore({ driver, path, limits, files, logger, now: () => clock.now() });
  } catch (error) {
    logger.warn(
      { path, reason: errorText(error) },
      "Events wait in memory and are lost when the process ends: the buffer file cannot be used",
    );
    return createMemoryStore(smaller(limits, MEMORY_LIMITS));
  }
}

/** Bounds that were meant for a disk are too wide for memory. */
function smaller(a: StoreLimits, b: StoreLimits): StoreLimits {
  return {
    maxEvents: Math.min(a.maxEvents, b.maxEvents),
    maxBytes: Math.min(a.maxBytes, b.maxBytes),
  };
}
