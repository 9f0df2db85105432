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
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

/** Whether the environment says that there is no Redis here; says so on the output. */
export function withoutRedis(): boolean {
  const skip = process.env["Z4J_TEST_SKIP_REDIS"] === "1";
  if (skip) console.log("# skipped: Z4J_TEST_SKIP_REDIS=1, tests with a real Redis do not run");
  return skip;
}

/** Starts `redis-server` on a free loopback port, without persistence. */
export async function startRedis(): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "z4j-redis-"));
  const port = await freePort();
  const child = spawn("redis-server", [
    ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder],
    ...["--save", "", "--appendonly", "no"],
  ], { stdio: "ignore" });
  let failure: Error | undefined;
  let ended = false;
  child.on("error", (error) => failure = error);
  child.on("exit", () => ended = true);
  await until("start of redis-server", () => {
    if (failure !== undefined || ended) return true;
    return answers(port);
  }, 10_000);
  if (failure !== undefined || ended) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(
      `Cannot start redis-server: ${failure?.message ?? "it ended at once"}, expected it on the ` +
        `PATH (or set Z4J_TEST_SKIP_REDIS=1)`,
    );
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    async stop() {
      kill(child);
      await until("end of redis-server", () => ended, 10_000);
      await rm(folder, { recursive: true, force: true });
    },
  };
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
