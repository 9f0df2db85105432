import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A minted agent of the stock brain. */
export interface StockAgent {
  readonly name: string;
  readonly id: string;
  readonly token: string;
  readonly hmac_secret: string;
}

/** The real 1.13.0 brain in a process of its own, driven over its REST API. */
export interface StockBrain {
  readonly baseUrl: string;
  readonly projectId: string;
  readonly slug: string;
  readonly agents: readonly StockAgent[];
  /** GET below `/api/v1/projects/<slug>/`; the parsed body. `address` has limits of its own. */
  get<T>(path: string, address?: string): Promise<T>;
  /** POST below `/api/v1/projects/<slug>/`; status and parsed body. */
  post(
    path: string,
    body?: unknown,
    address?: string,
  ): Promise<{ readonly status: number; readonly body: unknown }>;
  /** DELETE, with paths as for `post`. */
  remove(path: string): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts again on the same port and data. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
  /** What it has logged so far, over all its starts. */
  log(): string;
  /** Environment for an agent of this brain. */
  env(agent: StockAgent): Record<string, string>;
}

interface UpAnswer {
  readonly base_url: string;
  readonly project_slug: string;
  readonly project_id: string;
  readonly agents: readonly StockAgent[];
  readonly cookies: Readonly<Record<string, string>>;
  readonly csrf: string;
}

/**
 * Starts the stock brain, with its own scheduler if asked. Needs `Z4J_BIN`,
 * which `scripts/test` provides.
 */
export async function startStockBrain(
  agentNames: readonly string[],
  { hasScheduler = false }: { readonly hasScheduler?: boolean } = {},
): Promise<StockBrain> {
  const program = process.env["Z4J_BIN"];
  if (program === undefined) {
    throw new Error("Cannot start the stock brain: Z4J_BIN is not set, run ./scripts/test");
  }
  if (hasScheduler && !existsSync(join(dirname(program), "z4j-scheduler"))) {
    throw new Error(
      "Cannot start the scheduler of the stock brain: z4j-scheduler 1.13.0 is not beside Z4J_BIN, " +
        "run ./scripts/test without Z4J_BIN, or install it there with pip",
    );
  }
  const folder = mkdtempSync(join(tmpdir(), "z4j-stock-"));
  const home = join(folder, "home");
  const ctl = async (...args: readonly string[]): Promise<string> => {
    const command = ["tests/interop/brainctl.py", args[0] ?? "", "--home", home, ...args.slice(1)];
    return (await run("python3", command, { maxBuffer: 16 * 1024 * 1024 })).stdout;
  };
  const names = agentNames.flatMap((name) => ["--agent", name]);
  const scheduler = hasScheduler ? ["--scheduler"] : [];
  const up = JSON.parse(await ctl("up", ...names, ...scheduler)) as UpAnswer;
  const cookie = Object.entries(up.cookies).map(([name, value]) => `${name}=${value}`).join("; ");
  const base = `${up.base_url}/api/v1/projects/${up.project_slug}/`;
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    address?: string,
  ): Promise<Response> =>
    await fetch(path.startsWith("/") ? `${up.base_url}${path}` : base + path, {
      method,
      headers: {
        ...{ cookie, "x-csrf-token": up.csrf, "content-type": "application/json" },
        ...(address === undefined ? {} : { "x-forwarded-for": address }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return {
    baseUrl: up.base_url,
    projectId: up.project_id,
    slug: up.project_slug,
    agents: up.agents,
    async get<T>(path: string, address?: string): Promise<T> {
      const response = await call("GET", path, undefined, address);
      if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
      return await response.json() as T;
    },
    async post(path, body, address) {
      const response = await call("POST", path, body ?? {}, address);
      const text = await response.text();
      return { status: response.status, body: text === "" ? null : JSON.parse(text) };
    },
    async remove(path) {
      const response = await call("DELETE", path);
      const text = await response.text();
      if (!response.ok) throw new Error(`DELETE ${path}: ${response.status} ${text}`);
    },
    kill: async () => void await ctl("kill9"),
    start: async () => void await ctl("start"),
    async close() {
      // Asked kindly it waits for long-polls, up to 20 s; its data goes anyway.
      await ctl("kill9").catch(() => {});
      rmSync(folder, { recursive: true, force: true });
    },
    log: () => readFileSync(join(home, "brain.log"), "utf8"),
    env: (agent) => ({
      Z4J_BRAIN_URL: up.base_url,
      Z4J_TOKEN: agent.token,
      Z4J_HMAC_SECRET: agent.hmac_secret,
      Z4J_PROJECT_ID: up.project_slug,
    }),
  };
}
