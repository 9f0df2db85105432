import type { Clock } from "../../../base/clock.ts";
import type { JsonValue } from "../../../base/json.ts";
import type { EngineCapability, EngineEvent, EngineRestart } from "../../contract.ts";
import type { BullJobLike, BullQueueLike, BullWorkerLike } from "../like.ts";
import type { BullProfile } from "../profile.ts";
import type { RedisLink } from "../redis/link.ts";

/** A worker of this process, as commands find it. */
export interface SiteWorker {
  /** Its name on the wire. */
  readonly name: string;
  /** The user's object. */
  readonly worker: BullWorkerLike;
  /** The job of an id, if this worker runs it now. */
  job(jobId: string): BullJobLike | undefined;
  /** Fails a job whose processor takes no signal; what it still does is discarded. */
  letGo(jobId: string, reason: string): boolean;
}

/** What the commands of one engine work on. */
export interface CommandSite {
  /** Name of the engine. */
  readonly engine: string;
  readonly profile: BullProfile;
  readonly clock: Clock;
  /** Prefix of the keys that the user named, if any. */
  readonly prefix: string | undefined;
  /** Queues of the user that are at hand now. */
  readonly queues: readonly BullQueueLike[];
  /** Class of the user's queues, if none of them is at hand. */
  readonly queueClass: unknown;
  /** The connection of commands: it fails at once while Redis is away. */
  readonly link: RedisLink;
  /** Workers of this process. */
  workers(): readonly SiteWorker[];
  /** Reports what a command did to jobs. */
  report(events: readonly EngineEvent[]): void;
  /** Reports a job that a command added, unless that was seen already. */
  arrival(job: BullJobLike, queue: BullQueueLike): void;
  /** Whether somebody of the project reads what Redis itself tells about removals. */
  isStreamed(): boolean;
  /** Why this process forbids an order of another, or `null`. */
  forbidden(
    action: EngineCapability,
    parameters: Readonly<Record<string, JsonValue>>,
  ): string | null;
  /** How to restart this process, if anybody can. */
  restart(): EngineRestart | undefined;
}
