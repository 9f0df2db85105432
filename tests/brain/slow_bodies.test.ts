import { strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { noopLogger } from "../../src/base/logger.ts";
import { newApiToken } from "../../src/brain/auth.ts";
import { assembleBrain } from "../../src/brain/http_brain.ts";
import { openBrainCore } from "../../src/brain/core.ts";
import { createFakeClock } from "../../src/testing/fake_clock.ts";

// A body that begins and never ends.
function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode('{"name":"')),
  });
}

describe("a body that never ends", () => {
  for (const path of ["/api/v1/projects/default/agents", "/api/v1/agent/events"]) {
    it(`is refused with 408 at ${path}`, async () => {
      const clock = createFakeClock();
      const core = await openBrainCore({ path: ":memory:", clock });
      const apiToken = newApiToken();
      const brain = await assembleBrain({
        ...{ core, apiToken, project: "default", clock, logger: noopLogger },
      });
      const init: RequestInit & { readonly duplex: "half" } = {
        method: "POST",
        headers: {
          host: "127.0.0.1",
          authorization: `Bearer ${apiToken}`,
          "content-type": "application/json",
        },
        body: endless(),
        duplex: "half",
      };
      const request = new Request(`http://127.0.0.1${path}`, init);
      let status = 0;
      const answer = Promise.resolve(brain.fetch(request, { remoteAddress: "127.0.0.1" }))
        .then((response) => void (status = response.status));
      for (let i = 0; i < 100 && status === 0; i++) {
        await clock.advanceAsync(1_000);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await answer;
      equal(status, 408);
      await core.close();
    });
  }
});
