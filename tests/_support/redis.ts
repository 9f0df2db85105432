import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { until } from "./wait.ts";

/** A Redis server of its own, for one test file. */
export interface RedisServer {
  /** Loopback port. */
  readonly port: number;
  /** Address for clients. */
  readonly url: string;
  /** Process id of the server, to freeze it. */
  readonly pid: number;
  /** Kills it and starts it again at once on the same port. */
  restart(): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

/** Whether the environment says that there is no Redis here; says so on the output. */
export function withoutRedis(): boolean {
  const skip = process.env["Z4J_TEST_SKIP_REDIS"] === "1";
  if (skip) console.log("# skipped: Z4J_TEST_SKIP_REDIS=1, tests with a real Redis do not run");
  return skip;
}

/** How a server is started. */
export interface RedisOptions {
  /** Whether it keeps its data over a restart. Default: no. */
  readonly appendOnly?: boolean;
  /** Port of a server that was stopped. Default: a free one. */
  readonly port?: number;
}

/** Starts `redis-server` on a free loopback port, without persistence unless asked for. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "z4j-redis-"));
  const port = options.port ?? await freePort();
  let running: Running;
  try {
    running = await run(port, folder, options);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const end = async (): Promise<void> => {
    kill(running.child);
    await until("end of redis-server", running.hasEnded, 10_000);
  };
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return running.child.pid ?? 0;
    },
    async restart() {
      await end();
      running = await run(port, folder, options);
    },
    async stop() {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Running {
  readonly child: ChildProcess;
  readonly hasEnded: () => boolean;
}

async function run(port: number, folder: string, options: RedisOptions): Promise<Running> {
  const persistence = options.appendOnly === true
    ? ["--appendonly", "yes", "--appendfsync", "always"]
    : ["--appendonly", "no"];
  const child = spawn("redis-server", [
    ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
    ...persistence,
  ], { stdio: "ignore" });
  let failure: Error | undefined;
  let ended = false;
  child.on("error", (error) => failure = error);
  child.on("exit", () => ended = true);
  await until("start of redis-server", () => {
    if (failure !== undefined || ended) return true;
    return answers(port);
  }, 10_000);
  if (failure === undefined && !ended) return { child, hasEnded: () => ended };
  throw new Error(
    `Cannot start redis-server: ${failure?.message ?? "it ended at once"}, expected it on the ` +
      `PATH (or set Z4J_TEST_SKIP_REDIS=1)`,
  );
}

function kill(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(child.pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
