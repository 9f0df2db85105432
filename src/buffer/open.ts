import type { Clock } from "../base/clock.ts";
import { keepAliveUntil, systemClock, withDeadline } from "../base/clock.ts";
import { errorText, isZ4jError } from "../base/errors.ts";
import { noopLogger, safeLogger } from "../base/logger.ts";
import type { Logger } from "../base/logger.ts";
import type { FileOps } from "./file_ops.ts";
import { createGroupedBuffer } from "./grouped.ts";
import type { GroupedBuffer } from "./grouped.ts";
import { CLOSE_STEP_MS, DISK_LIMITS, fillLimits, MEMORY_LIMITS } from "./limits.ts";
import type { LateStoreOptions } from "./late_store.ts";
import { createMemoryStore, MemoryStore } from "./memory.ts";
import type { Neighbourhood } from "./neighbours.ts";
import type { Home, OpenedStore } from "./opened.ts";
import type { Durability, EventStore, StoreLimits } from "./port.ts";
import type { OpenSqlite } from "./sqlite_driver.ts";

/** Where events wait. */
export type StoreChoice = "sqlite" | "deno-kv" | "memory";

/** What `openBuffer` needs. */
export interface OpenBufferOptions {
  /** Path of the file in an existing directory, or `null` when there is none. */
  readonly path: string | null;
  /**
   * Where events wait. `deno-kv` needs Deno with KV switched on, and uses the
   * script's default database without a path. Default: `sqlite` with a path,
   * `memory` without.
   */
  readonly store?: StoreChoice | undefined;
  /** Tells projects apart, see `fingerprintOf`. Default: no such check. */
  readonly fingerprint?: string | undefined;
  /**
   * Whether several processes use the directory: the file is then this
   * process's alone, under another name where that is taken, and files of dead
   * processes are adopted. Default `false`.
   */
  readonly neighbours?: boolean | undefined;
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
 * With `neighbours` the path is a wish, see there; what was left behind by
 * processes that ended moves into this buffer.
 *
 * @throws {Z4jError} `Z4J_RUNTIME_UNSUPPORTED` when Deno KV was chosen and is missing.
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
  let home: Home | undefined;
  let watch: Neighbourhood | undefined;
  const settle = (found: Home | undefined): void => {
    home = found;
    if (home !== undefined) watch = home.watch({ ...home, buffer, clock, logger });
  };
  const opened = await openStore(options, logger, clock, settle);
  const buffer = createGroupedBuffer({
    store: opened.store,
    clock,
    logger,
    onClosing: () => watch?.stop(),
    async onClosed() {
      // A look that found its way in while closing ends at once.
      watch?.stop();
      if (watch !== undefined) {
        await keepAliveUntil(withDeadline(clock, watch.idle(), CLOSE_STEP_MS));
      }
      await home?.release();
    },
    ...(options.durability === undefined ? {} : { durability: options.durability }),
    ...(options.random === undefined ? {} : { random: options.random }),
  });
  settle(opened.home);
  return buffer;
}

async function openStore(
  options: OpenBufferOptions,
  logger: Logger,
  clock: Clock,
  settleLate: (home: Home | undefined) => void,
): Promise<OpenedStore> {
  const choice = options.store ?? (options.path === null ? "memory" : "sqlite");
  const { path } = options;
  const isKv = choice === "deno-kv";
  if (choice === "memory" || (path === null && !isKv)) {
    return { store: createMemoryStore(options.limits) };
  }
  const limits = fillLimits(options.limits, DISK_LIMITS);
  const open = async (): Promise<OpenedStore> => {
    // A process uses one kind of store; the code of the others stays unread.
    if (path === null || isKv) {
      return await (await import("./open_kv.ts")).openKv(options, logger, clock);
    }
    const { openFile } = await import("./open_file.ts");
    return await openFile(options, path, limits, logger, clock);
  };
  try {
    return await open();
  } catch (error) {
    // Chosen, and not there: that is for whoever chose.
    if (isKv && isUnsupported(error)) throw error;
    logger.warn({ path, reason: errorText(error) }, MEMORY_TEXT);
    const memory = new MemoryStore(smaller(limits, MEMORY_LIMITS));
    // No SQLite will not change; a disk that is full or read-only may.
    if (isUnsupported(error)) return { store: memory };
    const onOpened = ({ capabilities }: EventStore, home: Home | undefined): void => {
      settleLate(home);
      logger.info({ path: capabilities.path }, "Events wait on disk now");
    };
    const random = options.random ?? Math.random;
    return { store: await lateOr(memory, { memory, open, onOpened, clock, random }) };
  }
}

/** A store that moves to disk later; memory alone where its code cannot be read either. */
async function lateOr(memory: MemoryStore, options: LateStoreOptions): Promise<EventStore> {
  try {
    return (await import("./late_store.ts")).createLateStore(options);
  } catch {
    return memory;
  }
}

function isUnsupported(error: unknown): boolean {
  return isZ4jError(error) && error.code === "Z4J_RUNTIME_UNSUPPORTED";
}

const MEMORY_TEXT =
  "Events wait in memory and are lost when the process ends: the buffer file cannot be used";

/** Bounds that were meant for a disk are too wide for memory. */
function smaller(a: StoreLimits, b: StoreLimits): StoreLimits {
  return {
    maxEvents: Math.min(a.maxEvents, b.maxEvents),
    maxBytes: Math.min(a.maxBytes, b.maxBytes),
  };
}
