import assert from "node:assert/strict";
import { type Child, runScript } from "./child.ts";
import { until } from "./wait.ts";

/** What `scripts/brain.ts --json` prints. */
export interface BrainLine {
  readonly base_url: string;
  readonly ws_url: string;
  readonly project_slug: string;
  readonly project_id: string;
  readonly api_token: string;
  readonly sign_in_url: string;
  readonly agents: readonly {
    readonly name: string;
    readonly id: string;
    readonly token: string | null;
    readonly hmac_secret: string | null;
  }[];
}

/** The embedded brain as a process of its own, driven over its API. */
export interface BrainProcess {
  readonly child: Child;
  readonly line: BrainLine;
  /** GET below `/api/v1/projects/<slug>/`. */
  get<T>(path: string): Promise<T>;
  /** POST below `/api/v1/projects/<slug>/`; status and parsed body. */
  post(path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }>;
}

/** Starts the embedded brain's command line and waits for its one line of JSON. */
export async function startBrainProcess(args: readonly string[]): Promise<BrainProcess> {
  const child = runScript("scripts/brain.ts", { args: ["--json", ...args] });
  const text = await until("the brain's line", () => {
    const found = child.output().split("\n").find((line) => line.startsWith("{"));
    return found !== undefined && found.endsWith("}") ? found : undefined;
  });
  const line = JSON.parse(text) as BrainLine;
  const call = async (method: string, path: string, body?: unknown): Promise<Response> =>
    await fetch(`${line.base_url}/api/v1/projects/${line.project_slug}/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${line.api_token}`,
        "content-type": "application/json",
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return {
    child,
    line,
    async get<T>(path: string): Promise<T> {
      const response = await call("GET", path);
      const text = await response.text();
      assert.equal(response.status, 200, `GET ${path}: ${text}`);
      return JSON.parse(text) as T;
    },
    async post(path, body) {
      const response = await call("POST", path, body ?? {});
      const text = await response.text();
      return { status: response.status, body: text === "" ? null : JSON.parse(text) };
    },
  };
}
