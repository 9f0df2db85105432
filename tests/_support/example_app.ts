import assert from "node:assert/strict";
import { type Child, runScript } from "./child.ts";
import { freePort } from "./free_port.ts";
import { until } from "./wait.ts";

/** `examples/hono-bullmq` as a process of its own. */
export interface ExampleApp {
  readonly child: Child;
  /** Enqueues a job through the app; answers its task id. */
  enqueue(name: string, data?: unknown, opts?: unknown): Promise<string>;
  /** Ends it: politely, then for good. */
  stop(): Promise<void>;
}

/** Starts the example and waits until its agent is connected. */
export async function startExampleApp(env: Record<string, string>): Promise<ExampleApp> {
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const child = runScript("examples/hono-bullmq/main.ts", { env: { ...env, PORT: String(port) } });
  await until("connected app", async () => {
    const status = await (await fetch(`${base}/healthz`)).json() as { readonly state: string };
    return status.state === "connected";
  });
  return {
    child,
    async enqueue(name, data = {}, opts = {}) {
      const response = await fetch(`${base}/jobs`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name, data, opts }),
      });
      const text = await response.text();
      assert.equal(response.status, 202, text);
      return (JSON.parse(text) as { readonly task_id: string }).task_id;
    },
    async stop() {
      child.kill("SIGTERM");
      await child.ended().catch(() => child.kill("SIGKILL"));
    },
  };
}
