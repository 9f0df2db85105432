import type { CancelTimer } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { BrainContext } from "./context.ts";
import { requiredNumber } from "./database.ts";

const ONLINE = `SELECT (SELECT count(*) FROM agents WHERE state = 'online')
  + (SELECT count(*) FROM workers WHERE state = 'online')
  + (SELECT count(*) FROM agent_workers WHERE state = 'online') AS online`;

// Rows one sweep removes, so that it never blocks the event loop for long.
const PRUNE_ROWS = 500;

/** Marks what fell silent as offline; its timer runs only while anything is online. */
export class Sweeper {
  readonly #context: BrainContext;
  #cancel: CancelTimer | undefined;

  /** Starts nothing by itself. */
  constructor(context: BrainContext) {
    this.#context = context;
  }

  /** Something came online: keep looking. */
  wake(): void {
    if (this.#context.db.closed) return;
    this.#cancel ??= this.#context.clock.setTimer(
      () => this.#tick(),
      this.#context.limits.sweepEveryMs,
    );
  }

  /** One pass, then a checkpoint of the log; answers whether anything is still online. */
  sweep(): boolean {
    const { db, clock, limits, changes } = this.#context;
    const silentMs = clock.now() - limits.offlineAfterMs;
    const changed = db.transaction(() => {
      const offline = (table: string, column: string): number =>
        db.run(
          `UPDATE ${table} SET state = 'offline'
           WHERE state = 'online' AND coalesce(${column}, 0) < ?`,
          silentMs,
        );
      const agents = offline("agents", "last_seen_ms") + offline("agent_workers", "last_seen_ms");
      const workers = offline("workers", "last_heartbeat_ms");
      this.#prune(clock.now() - limits.retentionMs);
      return { agents, workers };
    });
    if (changed.agents > 0) changes.changed("agents");
    if (changed.workers > 0) changes.changed("workers");
    db.checkpoint();
    const row = db.get(ONLINE);
    return row !== undefined && requiredNumber(row, "online") > 0;
  }

  /** Stops the timer. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #tick(): void {
    this.#cancel = undefined;
    if (this.#context.db.closed) return;
    try {
      if (this.sweep()) this.wake();
    } catch (error) {
      this.#context.logger.warn({ error: errorText(error) }, "The sweep failed, it is tried again");
      this.wake();
    }
  }

  /**
   * Events leave in the order they came, tasks once they ended long ago and
   * have no events, whose duplicates are found by the task's key.
   */
  #prune(beforeMs: number): void {
    const { db } = this.#context;
    db.run(
      `DELETE FROM events WHERE seq IN (SELECT seq FROM
         (SELECT seq, occurred_ms FROM events ORDER BY seq LIMIT ${PRUNE_ROWS})
         WHERE occurred_ms < ?)`,
      beforeMs,
    );
    db.run(
      `DELETE FROM tasks WHERE pk IN (SELECT pk FROM
         (SELECT pk, updated_ms FROM tasks ORDER BY pk LIMIT ${PRUNE_ROWS})
         WHERE updated_ms < ? AND NOT EXISTS (SELECT 1 FROM events WHERE task = pk))`,
      beforeMs,
    );
    db.run(
      `DELETE FROM commands WHERE pk IN (SELECT pk FROM
         (SELECT pk, created_ms FROM commands ORDER BY pk LIMIT ${PRUNE_ROWS})
         WHERE created_ms < ?)`,
      beforeMs,
    );
  }
}
