// Run as a process of its own: `agent_child.ts <brain url> <stop|leave>`.
import process from "node:process";
import { createRigAgent } from "./agent_rig.ts";

const [url = "", ending] = process.argv.slice(2);
const agent = createRigAgent(url);
await agent.start();
for (let n = 0; n < 50; n++) {
  agent.record("manual", {
    kind: "task.succeeded",
    taskId: `q:${n}`,
    occurredAtMs: Date.now(),
    data: { taskName: "child" },
  });
}
if (ending === "stop") console.log(JSON.stringify(await agent.stop()));
else console.log("left");
