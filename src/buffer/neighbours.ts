import type { CancelTimer, Clock } from "../base/clock.ts";
import { sleep } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { totalOf } from "../base/total.ts";
import type { GroupedBuffer } from "./grouped.ts";
import {
  ADOPTION_LIMITS,
  ADOPTION_PAUSE_MS,
  ADOPTION_SHARE,
  NEIGHBOUR_INTERVAL_MS,
} from "./limits.ts";
import type { Home } from "./opened.ts";
import type { Orphan } from "./orphan.ts";

/** What looking after dead neighbours needs. */
export interface NeighbourhoodParts extends Omit<Home, "watch"> {
  /** Where the events of the dead go. */
  readonly buffer: GroupedBuffer;
  /** Time and timers. */
  readonly clock: Clock;
  /** Where it tells what it found. */
  readonly logger: Logger;
  /** Time between looks. Default: 45 s. */
  readonly intervalMs?: number;
}

/** The looking after dead neighbours. */
export interface Neighbourhood {
  /** Looks now; resolves once everything found was dealt with. */
  look(): Promise<void>;
  /** Stops; nothing is pushed from here on. */
  stop(): void;
  /** Resolves once nothing is under way any more. */
  idle(): Promise<void>;
}

/**
 * Adopts the buffers of processes that ended without sending everything: at
 * once and every 45 s. Their rows move in portions through the own buffer, and
 * leave the orphan once they are on disk here. A crash in between repeats some
 * under the same event ids.
 */
export function startNeighbourhood(parts: NeighbourhoodParts): Neighbourhood {
  const neighbourhood = new Watch(parts);
  neighbourhood.begin();
  return neighbourhood;
}

class Watch implements Neighbourhood {
  readonly #parts: NeighbourhoodParts;
  readonly #told = new Set<string>();
  #timer: CancelTimer = () => {};
  #running: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(parts: NeighbourhoodParts) {
    this.#parts = parts;
  }

  begin(): void {
    // After the start of the host, not in the middle of it.
    this.#timer = this.#parts.clock.setTimer(() => void this.look(), 0);
  }

  look(): Promise<void> {
    this.#timer();
    this.#running = this.#running.then(() => this.#look()).catch((error) => {
      this.#tell("look", { reason: errorText(error) }, "Buffers of neighbours cannot be looked at");
    }).finally(() => {
      if (this.#stop.signal.aborted) return;
      const { clock, intervalMs = NEIGHBOUR_INTERVAL_MS } = this.#parts;
      this.#timer();
      this.#timer = clock.setTimer(() => void this.look(), intervalMs);
    });
    return this.#running;
  }

  stop(): void {
    this.#stop.abort();
    this.#timer();
  }

  idle(): Promise<void> {
    return this.#running;
  }

  async #look(): Promise<void> {
    const { own, names } = this.#parts;
    const seen = new Set([own]);
    // Once more for files that turned out to be damaged and were renamed.
    for (let round = 0; round < 2; round++) {
      for (const path of (await names()).filter((name) => !seen.has(name))) {
        if (this.#isOver()) return;
        seen.add(path);
        await this.#visit(path);
      }
    }
  }

  async #visit(path: string): Promise<void> {
    try {
      const answer = await this.#parts.open(path);
      if (answer.kind === "orphan") return await this.#adopt(path, answer.orphan);
      if (answer.kind === "busy") return;
      this.#tell(path, { path, reason: answer.reason }, "A buffer is kept and not sent");
    } catch (error) {
      this.#tell(
        path,
        { path, reason: errorText(error) },
        "A neighbour's buffer cannot be used now",
      );
    }
  }

  async #adopt(path: string, orphan: Orphan): Promise<void> {
    let moved = 0;
    let empty = false;
    const evicted = orphan.losses();
    try {
      for (let afterId = 0; !empty && this.#hasRoom();) {
        const page = await orphan.read(afterId, ADOPTION_LIMITS);
        const [first] = page.rows;
        if (first !== undefined) {
          if (!await this.#store(page.rows)) break;
          await orphan.remove(first.id, page.lastId);
        }
        moved += page.rows.length;
        afterId = page.lastId;
        empty = !page.more;
        await sleep(this.#parts.clock, ADOPTION_PAUSE_MS, this.#stop.signal);
      }
    } finally {
      await orphan.close(empty);
    }
    if (moved === 0) return;
    const facts = { path, events: moved, complete: empty, evicted };
    this.#parts.logger.info(facts, "Events of a process that had ended were adopted");
  }

  /** Answers whether they are on disk here; only then they may leave the orphan. */
  async #store(rows: Awaited<ReturnType<Orphan["read"]>>["rows"]): Promise<boolean> {
    const { buffer } = this.#parts;
    if (this.#isOver()) return false;
    const lostBefore = lostToStorage(buffer);
    for (const { text, bytes, kind, class: cls } of rows) {
      buffer.push({ text, bytes, kind, class: cls });
    }
    await buffer.settled();
    return lostToStorage(buffer) === lostBefore;
  }

  #isOver(): boolean {
    return this.#stop.signal.aborted || this.#parts.buffer.troubled;
  }

  #hasRoom(): boolean {
    const { buffer, limits } = this.#parts;
    const { count, bytes } = buffer.depth();
    return !this.#isOver() &&
      count + ADOPTION_LIMITS.maxCount <= limits.maxEvents * ADOPTION_SHARE &&
      bytes + ADOPTION_LIMITS.maxBytes <= limits.maxBytes * ADOPTION_SHARE;
  }

  #tell(cause: string, facts: Readonly<Record<string, unknown>>, message: string): void {
    if (this.#told.has(cause)) return;
    this.#told.add(cause);
    this.#parts.logger.warn(facts, message);
  }
}

function lostToStorage(buffer: GroupedBuffer): number {
  return totalOf(buffer.losses().storage);
}
