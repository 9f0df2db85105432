import { resolve } from "node:path";
import { describe, it } from "node:test";
import { saveTenTimes } from "../../_support/saved_app.ts";

const source = (ready: string): string =>
  `import process from "node:process";
import { startAgent } from ${JSON.stringify(resolve("mod.ts"))};
const agent = await startAgent();
await agent.ready();
console.log("${ready}" + process.listenerCount("SIGTERM"));
setInterval(() => {}, 1000);\n`;

describe("deno run --watch", () => {
  it("leaves one agent with one session after ten saves", async () => {
    await saveTenTimes({ args: ["run", "-A", "--no-check", "--watch"], source, listeners: "1" });
  });
});
