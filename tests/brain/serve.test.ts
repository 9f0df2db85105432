import { rejects, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { isZ4jError } from "../../src/base/errors.ts";
import { createBrain, startBrain } from "../../src/brain/serve.ts";

describe("startBrain()", () => {
  it("refuses to listen beyond this machine", async () => {
    for (const hostname of ["0.0.0.0", "::", "192.168.1.4", "example.test"]) {
      await rejects(startBrain({ hostname, port: 0, dataDir: null }), RangeError);
    }
    await rejects(startBrain({ port: 70_000, dataDir: null }), RangeError);
  });

  it("serves a real store and gateway, and closes twice", async () => {
    const brain = await startBrain({ port: 0, dataDir: null, project: "shop" });
    try {
      const minted = await brain.mint("web");
      await rejects(brain.mint("web"), (error) => isZ4jError(error));
      const headers = { authorization: `Bearer ${brain.apiToken}` };
      for (
        const path of ["agents", "tasks", "workers", "queues", "stats", "commands", "schedules"]
      ) {
        const response = await fetch(`${brain.baseUrl}/api/v1/projects/shop/${path}`, { headers });
        equal(response.status, 200, path);
        equal((await response.text()).includes(minted.hmacSecret), false);
      }
      const page = await fetch(brain.baseUrl, { headers });
      equal(page.status, 200);
      equal((await page.text()).includes("web"), true);
    } finally {
      await brain.close();
      await brain.close();
    }
    await rejects(fetch(brain.baseUrl));
  });

  it("answers an agent without a token with close code 4401", async () => {
    await using brain = await startBrain({ port: 0, dataDir: null });
    const socket = new WebSocket(brain.wsUrl);
    const code = await new Promise((resolve) => socket.onclose = (event) => resolve(event.code));
    equal(code, 4401);
  });
});

describe("createBrain()", () => {
  it("answers requests without a server", async () => {
    const brain = await createBrain({ dataDir: null });
    try {
      const facts = { remoteAddress: "127.0.0.1" };
      const headers = { host: "localhost:1", authorization: `Bearer ${brain.apiToken}` };
      const request = new Request("http://localhost:1/api/v1/projects", { headers });
      equal((await brain.fetch(request, facts)).status, 200);
      equal(brain.upgrade(request, facts), null);
    } finally {
      await brain.close();
    }
  });
});
