import type { EventBuffer, NewEntry, StoredEntry } from "../../src/buffer/port.ts";

/**
 * Faults that can be planted on purpose. An account that stays in balance with
 * one of them proves nothing.
 */
export const PLANTS = [
  /** The agent removes a batch when it reads it, not when it is acknowledged. */
  "delete-before-ack",
  /** The buffer says "on disk" before it is. */
  "settle-early",
  /** One event in fifty changes on its way. */
  "altered",
  /** One event in a hundred was never recorded. */
  "phantom",
  /** The brain acknowledges before it commits. */
  "ack-before-commit",
  /** The brain takes an event as often as it is sent. */
  "no-dedupe",
] as const;

/** Name of a planted fault. */
export type Plant = typeof PLANTS[number];

/** Variable that carries the planted fault to the children. */
export const PLANT_VARIABLE = "Z4J_CHAOS_PLANT";

/** Whether a text names a planted fault. */
export function isPlant(text: string): text is Plant {
  return (PLANTS as readonly string[]).includes(text);
}

/** Replaces a method of a buffer. */
type Replace = (buffer: EventBuffer) => Partial<EventBuffer>;

const WRITER_PLANTS: Readonly<Record<string, Replace>> = {
  "delete-before-ack": (buffer) => ({
    async read(afterId, limits): Promise<readonly StoredEntry[]> {
      const entries = await buffer.read(afterId, limits);
      const last = entries.at(-1);
      if (last !== undefined) buffer.removeRange(afterId + 1, last.id);
      return entries;
    },
  }),
  "settle-early": () => ({ settled: () => Promise.resolve() }),
  altered: (buffer) => {
    let count = 0;
    return {
      push: (entry) => buffer.push(++count % 50 === 0 ? altered(entry) : entry),
    };
  },
  phantom: (buffer) => {
    let count = 0;
    return {
      push(entry) {
        buffer.push(entry);
        if (++count % 100 === 0) buffer.push(phantom(entry));
      },
    };
  },
};

/** What the planted fault replaces in a writer's buffer; nothing without one. */
export function plantedBuffer(
  buffer: EventBuffer,
  plant: string | undefined,
): Partial<EventBuffer> {
  return WRITER_PLANTS[plant ?? ""]?.(buffer) ?? {};
}

function altered(entry: NewEntry): NewEntry {
  return { ...entry, text: entry.text.replace('"proof":"p', '"proof":"q') };
}

function phantom(entry: NewEntry): NewEntry {
  const event = JSON.parse(entry.text) as { id: string; task_id: string };
  const text = entry.text.replace(event.id, crypto.randomUUID())
    .replaceAll(event.task_id, event.task_id.replace(/^./, "X"));
  return { ...entry, text };
}
