import assert from "node:assert/strict";
import { resolve } from "node:path";
import { describe, it } from "node:test";
import { saveTenTimes } from "../../_support/saved_app.ts";

const source = (ready: string): string =>
  `import { createAgent } from ${JSON.stringify(resolve("mod.ts"))};
const agent = createAgent();
await agent.start();
await agent.ready();
console.log("${ready}" + process.listenerCount("SIGTERM") + process.listenerCount("beforeExit"));
setInterval(() => {}, 1000);\n`;

describe("bun --hot", () => {
  it("leaves one agent with one session and one set of hooks after ten saves", async () => {
    const output = await saveTenTimes({ args: ["--hot"], source, listeners: "11" });
    assert.equal(output.split("agent starting").length - 1, 11);
  });
});
