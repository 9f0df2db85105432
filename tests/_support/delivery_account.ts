import assert from "node:assert/strict";
import type { Agent, AgentParts } from "../../src/agent/agent_types.ts";
import { createGroupedBuffer } from "../../src/buffer/grouped.ts";
import { createMemoryStore } from "../../src/buffer/memory.ts";
import type { TaskEvent } from "../../src/engines/contract.ts";
import { encodeCanonical } from "../../src/protocol/canonical_json.ts";
import type { FakeBrain } from "../../src/testing/fake_brain.ts";

/** Keeps what an agent recorded, to compare it with what a brain has. */
export interface DeliveryAccount {
  /** For `AgentParts`. */
  readonly openBuffer: AgentParts["openBuffer"];
  /** Text of each recorded event by its id. */
  readonly recorded: ReadonlyMap<string, string>;
  /** Counted losses of this run, by reason. */
  losses(): Record<string, number>;
  /** Every recorded id is in the brain once with its content, or counted lost. */
  check(brain: FakeBrain, lost?: Record<string, number>): void;
}

export function createDeliveryAccount(): DeliveryAccount {
  const recorded = new Map<string, string>();
  const buffer = createGroupedBuffer({ store: createMemoryStore() });
  const push = buffer.push.bind(buffer);
  buffer.push = (entry) => {
    recorded.set(String((JSON.parse(entry.text) as { id: unknown }).id), entry.text);
    push(entry);
  };
  const losses = (): Record<string, number> =>
    Object.fromEntries(
      Object.entries(buffer.losses()).map((
        [reason, kinds],
      ) => [reason, Object.values(kinds).reduce((sum, n) => sum + n, 0)]).filter(([, n]) =>
        Number(n) > 0
      ),
    );
  return {
    openBuffer: () => Promise.resolve(buffer),
    recorded,
    losses,
    check(brain, lost = {}) {
      assert.deepEqual(losses(), lost);
      assert.deepEqual([...brain.altered], []);
      for (const [id, event] of brain.events) {
        assert.equal(encodeCanonical(event), recorded.get(id), `content of ${id}`);
      }
      const missing = [...recorded.keys()].filter((id) => !brain.events.has(id)).length;
      assert.equal(missing, Object.values(lost).reduce((sum, n) => sum + n, 0), "missing");
      assert.equal(brain.events.size + missing, recorded.size);
    },
  };
}

/** Records events with rising numbers in task id and content. */
export function recordEvents(agent: Agent, count: number, first = 0): void {
  for (let n = first; n < first + count; n++) agent.record("manual", numbered(n));
}

export function numbered(n: number): TaskEvent {
  return {
    kind: n % 2 === 0 ? "task.started" : "task.succeeded",
    taskId: `mail:${n}`,
    occurredAtMs: 1_790_000_000_000 + n,
    data: { taskName: "send", queue: "mail", kwargs: { n, text: `é😀${n}` } },
  };
}
