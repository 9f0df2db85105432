import { text } from "../../engines/bullmq/facts.ts";
import { quietly } from "../../engines/bullmq/quietly.ts";
import { type Around, overrideMethod } from "../../base/override_method.ts";
import { definitionFrom } from "./definition.ts";
import type { ScheduleStore } from "./store.ts";

/** What the watch needs besides the queue. */
export interface InterceptOptions extends InterceptEvents {
  /** Whether the code waits for operators, and they for it. */
  readonly isExclusive: boolean;
}

/** Told about what the user's own code does to job schedulers. */
export interface InterceptEvents {
  /** The list changed. */
  changed(): void;
  /** The code made a scheduler that an operator switched off; it stays off. */
  keptOff(id: string): void;
}

/**
 * Watches `upsertJobScheduler` and `removeJobScheduler` of one queue. Code that
 * makes a switched-off scheduler at its start stores the new definition instead;
 * it gets `undefined`, BullMQ's answer for a scheduler without a further run.
 * Whatever fails on our side leaves the call as it was.
 */
export function watchUpserts(store: ScheduleStore, events: InterceptOptions): () => void {
  const changed = (): void => quietly(() => events.changed());
  const upsert = async (call: () => unknown, args: readonly unknown[]): Promise<unknown> => {
    const [id, repeat, template] = args;
    if (text(id) !== undefined && await keepOff(store, String(id), repeat, template)) {
      quietly(() => events.keptOff(String(id)));
      changed();
      return undefined;
    }
    const made: unknown = await call();
    changed();
    return made;
  };
  const remove = async (call: () => unknown, args: readonly unknown[]): Promise<unknown> => {
    const removed: unknown = await call();
    // What the code removes shall not come back by an operator.
    await store.record(String(args[0]), null).catch(() => {});
    changed();
    return removed;
  };
  const around = (action: typeof upsert): Around => (call, _self, args) => {
    const id = String(args[0]);
    if (store.isOurs(id)) return call();
    return events.isExclusive ? inTurn(store, id, () => action(call, args)) : action(call, args);
  };
  const stops = [
    overrideMethod(store.queue, "upsertJobScheduler", around(upsert)),
    overrideMethod(store.queue, "removeJobScheduler", around(remove)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Under the lock when it can be had; the host is never refused. */
async function inTurn(
  store: ScheduleStore,
  id: string,
  action: () => Promise<unknown>,
): Promise<unknown> {
  let begun: Promise<unknown> | undefined;
  const once = (): Promise<unknown> => begun ??= action();
  await store.locked(id, once).catch(() => {});
  return await once();
}

async function keepOff(
  store: ScheduleStore,
  id: string,
  repeat: unknown,
  template: unknown,
): Promise<boolean> {
  try {
    const { off } = await store.read(0, id);
    const record = off.get(id);
    if (record === undefined || record.state !== "off") return false;
    const definition = definitionFrom(id, repeat, template as Record<string, unknown> | undefined);
    if (definition.repeat.pattern === undefined && definition.repeat.every === undefined) {
      return false;
    }
    await store.record(id, { ...record, definition });
    return true;
  } catch {
    return false;
  }
}
