import type { Clock } from "../../../base/clock.ts";
import type { EngineEvent } from "../../contract.ts";
import type { BullJobLike, BullQueueLike, BullWorkerLike } from "../like.ts";
import type { BullProfile } from "../profile.ts";
import type { RedisLink } from "../redis/mod.ts";

/** A worker of this process, as commands find it. */
export interface SiteWorker {
  /** Its name on the wire. */
  readonly name: string;
  /** The user's object. */
  readonly worker: BullWorkerLike;
  /** The job of an id, if this worker runs it now. */
  job(jobId: string): BullJobLike | undefined;
}

/** How a process is ended so that its supervisor starts it anew. */
export interface RestartHost {
  /** Why that cannot be done here, or `null`. */
  refusal(): string | null;
  /** Ends the process soon: what waits is sent first. */
  exit(): void;
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
  /** How to restart this process, if anybody can. */
  restart(): RestartHost | undefined;
}
