// A process with one worker that can be steered: `steered_child.ts <worker name>`. What it is
// told is printed; of workers of other processes it knows nothing.
import process from "node:process";
import { startAgent } from "../../mod.ts";
import type { ActionOutcome } from "../../src/engines/contract.ts";
import { manualEngine } from "../../src/engines/manual/mod.ts";

const [workerName = ""] = process.argv.slice(2);
const manual = manualEngine({ workerName });
const greet = manual.task("greet", (name: string) => `Hello, ${name}`);

function take(
  what: string,
  worker: string,
  more: Record<string, string | number>,
): Promise<ActionOutcome> {
  if (worker !== workerName) {
    return Promise.resolve({ status: "refused", reason: `there is no worker ${worker}` });
  }
  const line = [what, ...Object.values(more)].join(" ");
  console.log(`took ${line}`);
  return Promise.resolve({ status: "done", result: { worker, took: line } });
}

const agent = await startAgent({
  skip: false,
  logLevel: "error",
  engines: [{
    ...manual,
    capabilities: [
      ...manual.capabilities,
      "pool_grow",
      "pool_shrink",
      "add_consumer",
      "cancel_consumer",
      "restart_worker",
    ],
    actions: {
      ...manual.actions,
      poolGrow: ({ worker, delta }) => take("grow", worker, { delta }),
      poolShrink: ({ worker, delta }) => take("shrink", worker, { delta }),
      addConsumer: ({ worker, queue }) => take("add", worker, { queue }),
      cancelConsumer: ({ worker, queue }) => take("cancel", worker, { queue }),
      restartWorker: (worker) => take("restart", worker, {}),
    },
  }],
});
await agent.ready({ timeoutMs: 30_000 });
// The brain steers only workers of which it has heard.
await greet("Ada");
console.log("steered up");
setInterval(() => {}, 1000);
