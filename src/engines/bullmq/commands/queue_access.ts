import { errorText } from "../../../base/errors.ts";
import { member, text } from "../facts.ts";
import type { BullQueueLike } from "../like.ts";
import { quietly } from "../quietly.ts";
import { hasOtherStore } from "../redis/origin.ts";
import { type JobPlace, placeOf } from "../task_id.ts";
import type { CommandSite } from "./site.ts";
import { Ended, refuse, type Steps } from "./step.ts";
import type { SteeredQueue } from "./steered.ts";

/** Finds queues for commands. */
export interface QueueAccess {
  /**
   * The queue of a name over the connection of commands, or the user's own where
   * there can be no such connection. Refuses names that nobody knows.
   */
  queue(name: string, steps: Steps): Promise<SteeredQueue>;
  /** The queue and the id that a task id means. */
  place(taskId: string, steps: Steps): Promise<JobPlace & { readonly handle: SteeredQueue }>;
  /** Key of a queue, for raw commands. */
  key(queue: string, part: string): string;
  /** Whether a queue goes over the connection of commands. */
  isOwn(handle: SteeredQueue): boolean;
  /** Prefix of all keys. */
  prefix(): string;
}

// One process steers few queues; the rest is made anew when needed.
const MAX_HANDLES = 200;
// BullMQ's own default.
const PREFIX = "bull";

type QueueClass = new (name: string, options: object) => SteeredQueue;

/** Creates the finder of one engine. */
export function createQueueAccess(site: CommandSite): QueueAccess {
  // By client: after a failure the link has another one.
  const handles = new WeakMap<object, Map<string, SteeredQueue>>();
  const known = new Set<string>();
  const attached = (name: string): BullQueueLike | undefined =>
    site.queues.find((queue) => queue.name === name);
  const prefix = (): string =>
    site.prefix ?? text(member(member(site.queues[0], "opts"), "prefix")) ??
      text(member(member(site.workers()[0]?.worker, "opts"), "prefix")) ?? PREFIX;

  // Queues of one process may lie under several prefixes.
  const prefixOf = (name: string): string =>
    text(member(member(attached(name), "opts"), "prefix")) ?? prefix();

  const ownOf = async (name: string, made: QueueClass): Promise<SteeredQueue> => {
    const client = await site.link.client();
    if (client === undefined) {
      throw new Ended({ status: "failed", error: "Redis cannot be reached; nothing was changed" });
    }
    const byName = handles.get(client) ?? new Map<string, SteeredQueue>();
    handles.set(client, byName);
    const found = byName.get(name);
    if (found !== undefined) return found;
    if (byName.size >= MAX_HANDLES) byName.clear();
    const handle = open(made, name, client, prefixOf(name), attached(name));
    byName.set(name, handle);
    return handle;
  };

  const queue = async (name: string, steps: Steps): Promise<SteeredQueue> => {
    const user = attached(name);
    if (user !== undefined && !isOverRedis(site, user)) return user;
    const made = classOf(site);
    if (made === undefined) return user ?? refuse(unknown(site, name));
    if (user === undefined && !known.has(name)) {
      const answer = await site.link.call("EXISTS", [`${prefix()}:${name}:meta`]);
      if (answer.ended !== "value") throw new Ended({ status: "failed", error: answer.error });
      if (Number(answer.value) === 0) refuse(unknown(site, name));
      if (known.size < MAX_HANDLES) known.add(name);
    }
    return await steps.read(() => ownOf(name, made));
  };
  return {
    queue,
    prefix,
    key: (name, part) => `${prefixOf(name)}:${name}:${part}`,
    isOwn: (handle) => handle !== attached(handle.name),
    async place(taskId, steps) {
      const place = placeOf(taskId);
      if (place === undefined) refuse(`"${taskId}" is no task id, expected <queue>:<job id>`);
      return { ...place, handle: await queue(place.queue, steps) };
    },
  };
}

/** Whether commands on a queue can have a connection of their own. */
export function isOverRedis(site: Pick<CommandSite, "profile">, queue: BullQueueLike): boolean {
  if (site.profile.brokerType !== "redis" || hasOtherStore(queue)) return false;
  return typeof member(queue, "getBackend") === "function" || member(queue, "client") !== undefined;
}

function classOf(site: CommandSite): QueueClass | undefined {
  const given = site.queueClass;
  if (typeof given === "function") return given as QueueClass;
  const owner = site.queues.find((queue) => isOverRedis(site, queue));
  return owner === undefined ? undefined : owner.constructor as QueueClass;
}

// Never without `skipMetasUpdate`: a new queue overwrites how much history the user keeps.
function open(
  made: QueueClass,
  name: string,
  client: object,
  prefix: string,
  user: BullQueueLike | undefined,
): SteeredQueue {
  const like = member(user, "opts");
  const options = typeof like === "object" && like !== null ? like : {};
  try {
    const handle = new made(name, {
      ...options,
      prefix,
      connection: client,
      skipMetasUpdate: true,
      skipVersionCheck: true,
    });
    quietly(() => listen(handle));
    return handle;
  } catch (error) {
    if (user !== undefined) return user;
    return refuse(`queue ${name} cannot be opened here: ${errorText(error)}`);
  }
}

// Without a listener an error of the connection ends the process.
function listen(handle: SteeredQueue): void {
  const on = member(handle, "on");
  if (typeof on === "function") Reflect.apply(on, handle, ["error", () => {}]);
}

function unknown(site: CommandSite, name: string): string {
  const names = site.queues.map((queue) => queue.name).join(", ");
  return `queue ${name} is not attached here; attached: ${names || "none"}`;
}
