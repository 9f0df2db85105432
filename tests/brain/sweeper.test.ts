import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { openBrainParts } from "../../src/brain/core.ts";
import { createOperator } from "../../src/brain/operator.ts";
import { wireEvent } from "../_support/brain_peer.ts";

// The brain's own timers never keep a process alive.
let alive: ReturnType<typeof setInterval>;
beforeEach(() => {
  alive = setInterval(() => {}, 1000);
});
afterEach(() => clearInterval(alive));

describe("Sweeper", () => {
  it("lets the log file be written again from its start", async () => {
    const folder = mkdtempSync(join(tmpdir(), "z4j-sweeper-"));
    const path = join(folder, "brain.db");
    const parts = await openBrainParts({ path });
    try {
      const project = createOperator(parts).createProject("default", "Default");
      await createOperator(parts).mintAgent(project.id, "web");
      let next = 0;
      const logBytesAfterSweep = async (): Promise<number> => {
        const events = Array.from({ length: 300 }, () => {
          const n = String(next++).padStart(12, "0");
          return wireEvent({ id: `0195c1f0-1111-4222-8333-${n}`, task_id: `mail:${n}` });
        });
        const { kind } = await parts.ingestor.submit({ project: 1, agent: 1, events });
        assert.equal(kind, "stored");
        parts.sweeper.sweep();
        return statSync(`${path}-wal`).size;
      };
      const first = await logBytesAfterSweep();
      let last = first;
      for (let i = 0; i < 5; i++) last = await logBytesAfterSweep();
      assert.ok(last < 2 * first, `${first} bytes after one sweep, ${last} after six`);
    } finally {
      parts.sweeper.stop();
      parts.context.db.close();
      rmSync(folder, { recursive: true });
    }
  });
});
