import type { BullJobLike, BullJobOptionsLike, BullQueueLike } from "../like.ts";

/** A job that can be told things; a missing member means that its library cannot. */
export interface SteeredJob extends BullJobLike {
  /** Puts a job that ended back into its queue. */
  retry?(state: string, options: object): Promise<unknown>;
  /** Replaces the input. */
  updateData?(data: unknown): Promise<unknown>;
  /** Changes the order in its queue. */
  changePriority?(
    options: { readonly priority?: number; readonly lifo?: boolean },
  ): Promise<unknown>;
}

/** A queue that can be told things; a missing member means that its library cannot. */
export interface SteeredQueue extends BullQueueLike {
  add(name: string, data: unknown, options?: BullJobOptionsLike): Promise<BullJobLike>;
  getJob(id: string): Promise<SteeredJob | null | undefined>;
  /** Removes a job that is not locked; gives 0 for one that is. */
  remove?(id: string, options?: object): Promise<unknown>;
  /** Removes jobs of a state that are older than the grace; gives their ids. */
  clean?(graceMs: number, limit: number, state: string): Promise<readonly string[]>;
  pause?(): Promise<unknown>;
  resume?(): Promise<unknown>;
  isPaused?(): Promise<boolean>;
  setGlobalConcurrency?(limit: number): Promise<unknown>;
  removeGlobalConcurrency?(): Promise<unknown>;
  getGlobalConcurrency?(): Promise<number | null>;
  setGlobalRateLimit?(max: number, periodMs: number): Promise<unknown>;
  removeGlobalRateLimit?(): Promise<unknown>;
  getGlobalRateLimit?(): Promise<{ readonly max: number; readonly duration: number } | null>;
  removeRateLimitKey?(): Promise<unknown>;
  getWorkers?(): Promise<readonly Readonly<Record<string, string>>[]>;
}
