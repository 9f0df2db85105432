/**
 * The embedded brain as a process that can be told where to die:
 *
 *     brain_child.ts DIRECTORY [AGENT...]
 *
 * Prints one line of JSON once it serves, with the secrets of the agents that
 * it was told to mint.
 */
import process from "node:process";
import { systemClock } from "../../src/base/clock.ts";
import { consoleLogger } from "../../src/base/logger.ts";
import { newApiToken } from "../../src/brain/auth.ts";
import { openBrainCore } from "../../src/brain/core.ts";
import type { Gateway } from "../../src/brain/gateway_port.ts";
import { assembleBrain } from "../../src/brain/http_brain.ts";
import { listenBrain } from "../../src/brain/http_listen.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import type { ServerSocket } from "../../src/platform/serve_port.ts";
import { PLANT_VARIABLE } from "./plants.ts";
import { chosenPoints, isFrame, type Points } from "./points.ts";
import { watchSql } from "./sql_points.ts";

/** What the process prints. */
export interface BrainLine {
  readonly port: number;
  readonly agents: readonly { readonly token: string; readonly secret: string }[];
}

async function main(): Promise<void> {
  const [directory = "", ...names] = process.argv.slice(2);
  const points = chosenPoints();
  const plant = process.env[PLANT_VARIABLE];
  // Agents are minted for good also where a fault is planted.
  const lateCommits = plant === "ack-before-commit" && names.length === 0;
  await watchSql({ table: "events", points, lateCommits });
  const line = (...values: unknown[]): void => console.error(...values);
  const logger = consoleLogger("warn", { debug: line, info: line, warn: line, error: line });
  const core = await openBrainCore({ path: directory, logger });
  if (plant === "no-dedupe") await dropUniqueKeys(`${directory}/brain.db`);
  const brain = await listenBrain(
    await assembleBrain({
      core: { ...core, gateway: watchGateway(core.gateway, points) },
      apiToken: newApiToken(),
      project: "default",
      clock: systemClock,
      logger,
    }),
    "127.0.0.1",
    0,
  );
  const agents = [];
  for (const name of names) {
    const { token, hmacSecret } = await brain.mint(name);
    agents.push({ token, secret: hmacSecret });
  }
  console.log(JSON.stringify({ port: brain.port, agents } satisfies BrainLine));
  const alive = setInterval(() => {}, 60_000);
  process.once("SIGTERM", () => {
    clearInterval(alive);
    void brain.close().then(() => process.exit(0));
  });
}

/** Makes places out of what passes the gateway. */
function watchGateway(gateway: Gateway, points: Points): Gateway {
  return {
    accept(facts) {
      const handlers = gateway.accept(facts);
      return {
        open: (socket) => handlers.open(watchSocket(socket, points)),
        closed: (code) => handlers.closed(code),
        message(data) {
          points.hit(isFrame(data, "event_batch") ? "received" : "hello");
          handlers.message(data);
        },
      };
    },
  };
}

function watchSocket(socket: ServerSocket, points: Points): ServerSocket {
  return {
    close: (code, reason) => socket.close(code, reason),
    bufferedBytes: () => socket.bufferedBytes(),
    send(data) {
      const isAck = isFrame(data, "event_batch_ack");
      if (isAck) points.hit("before-ack");
      socket.send(data);
      if (isAck) points.hit("after-ack");
    },
  };
}

async function dropUniqueKeys(path: string): Promise<void> {
  const database = (await loadSqlite())(path);
  database.exec("DROP INDEX IF EXISTS events_by_id");
  database.exec("DROP INDEX IF EXISTS events_by_task");
  database.close();
}

await main();
