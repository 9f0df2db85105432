import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createHeartbeat } from "../../src/agent/heartbeat.ts";
import type { ControlFrame } from "../../src/agent/outbox.ts";
import { createFakeClock } from "../../src/testing/fake_clock.ts";

describe("createHeartbeat()", () => {
  it("leaves out the largest health when the frames of the session are small", async () => {
    const clock = createFakeClock();
    const frames: ControlFrame[] = [];
    const report = { "q.queue_depths": '{"mail":3}', "q.worker_details": "x".repeat(20_000) };
    const heartbeat = createHeartbeat({
      clock,
      outbox: { push: (frame) => frames.push(frame) > 0 },
      health: { refresh: () => Promise.resolve(), report: () => report },
      facts: () => ({ buffer_size: 0, dropped_events: 0, telemetry_loss: null }),
      status: null,
      failed: (error) => assert.fail(String(error)),
    });
    const keysAt = async (maxFrameBytes: number): Promise<readonly string[]> => {
      heartbeat.start(10_000, maxFrameBytes);
      await clock.advanceAsync(0);
      heartbeat.stop();
      const payload = JSON.parse(frames.at(-1)?.payloadText ?? "{}");
      return Object.keys(payload.adapter_health as Record<string, string>);
    };
    assert.deepEqual(await keysAt(1_048_576), ["q.queue_depths", "q.worker_details"]);
    assert.deepEqual(await keysAt(5800), ["q.queue_depths"]);
  });
});
