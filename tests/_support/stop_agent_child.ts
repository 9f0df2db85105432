// A host of its own: `stop_agent_child.ts <mode> <brain url> <home> <token> <secret>`.
import { writeSync } from "node:fs";
import process from "node:process";
import { startAgent } from "../../mod.ts";

const [mode = "", brainUrl = "", home = "", token = "", hmacSecret = ""] = process.argv.slice(2);
const say = (line: string): void => void writeSync(1, `${line}\n`);
if (mode === "host") {
  process.on("SIGTERM", () => {
    say("host");
    setTimeout(() => process.exit(7), 4000);
  });
}
const agent = await startAgent({
  brainUrl,
  token,
  hmacSecret,
  projectId: "default",
  home,
  transport: "ws",
  env: false,
  skip: false,
});
agent.on("state", ({ to }) => say(`state ${to} ${Math.round(performance.now())}`));
if (mode === "sends" || mode === "host") await agent.ready();
for (let n = 0; n < 50; n++) {
  agent.record("manual", {
    kind: "task.succeeded",
    taskId: `q:${n}`,
    occurredAtMs: Date.now(),
    data: { taskName: "child" },
  });
}
if (mode !== "leaves") setInterval(() => {}, 1000);
setTimeout(() => {
  say("recorded");
  if (mode === "throws") throw new Error("of the host");
  if (mode === "rejects") void Promise.reject(new Error("of the host"));
  if (mode === "exits") process.exit(3);
}, 25);
