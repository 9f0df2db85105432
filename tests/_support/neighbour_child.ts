// A process that has what its neighbours on the token lack:
// `neighbour_child.ts <home> <brain url> [denied action]`. Each run prints a line.
import process from "node:process";
import { Cron } from "croner";
import { startAgent } from "../../mod.ts";
import { manualEngine } from "../../src/engines/manual/mod.ts";
import { cronerScheduler } from "../../src/schedulers/croner/mod.ts";
import { SECRET, TOKEN } from "./agent_rig.ts";

const [home = "", brainUrl = "", denied = ""] = process.argv.slice(2);
const manual = manualEngine({ workerName: "owner-worker" });
manual.task("greet", (name: unknown) => console.log(`ran greet ${name}`));
const agent = await startAgent({
  brainUrl,
  token: TOKEN,
  hmacSecret: btoa(String.fromCharCode(...SECRET)).replaceAll("+", "-").replaceAll("/", "_"),
  projectId: "default",
  home,
  agentName: "owner",
  env: false,
  skip: false,
  logLevel: "error",
  commands: { deny: denied === "" ? [] : [denied] },
  engines: [{
    ...manual,
    capabilities: [...manual.capabilities, "cancel_task", "purge_queue"],
    actions: {
      ...manual.actions,
      purge: () => Promise.resolve({ status: "done", result: { purged: 1 } }),
      // Never answers: the test kills the process meanwhile.
      cancel() {
        console.log("ran cancel");
        return new Promise(() => {});
      },
    },
  }],
  schedulers: [
    cronerScheduler({
      jobs: [new Cron("0 0 1 1 *", { name: "yearly" }, () => console.log("ran yearly"))],
    }),
  ],
});
await agent.ready({ timeoutMs: 30_000 });
console.log("owner up");
