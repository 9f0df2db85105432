/**
 * A host process with a real agent whose buffer is on a disk that fails:
 *
 *     agent_host.ts FOLDER BRAIN_URL TRIAL once|ever agent|kv
 *
 * It records with the brain away, delivers, and records with the brain away
 * again; marks say what had been reported as stored, the last line is a report.
 */
import { join } from "node:path";
import process from "node:process";
import { createAgentCore } from "../../src/agent/agent.ts";
import type { Agent } from "../../src/agent/agent_types.ts";
import type { GroupedBuffer } from "../../src/buffer/grouped.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import { openBuffer } from "../../src/buffer/open.ts";
import type { OpenSqlite } from "../../src/buffer/sqlite_driver.ts";
import { openQuietSocket } from "../../src/platform/quiet_socket.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import type { WebSocketLike } from "../../src/transport/socket_like.ts";
import { createWebSocketTransport } from "../../src/transport/websocket.ts";
import { failingDriver } from "./failing_driver.ts";
import { hurriedClock } from "./hurried.ts";
import { hostIdentity, SECRET, TOKEN } from "./identity.ts";
import { type AgentReport, BUFFER_NAME, openMarks, padOf, startHeart, within } from "./marks.ts";
import { changedSql } from "./small_log.ts";

const AWAY_FIRST = 4;
const CONNECTED = 4;
const AWAY_LAST = 3;
const GROUP = 3;
const PATIENCE_MS = 8_000;
const CHECKPOINT_PAGES = 8;

const [folder = "", brainUrl = "", trial = "", mode = "once", kind = "agent"] = process.argv.slice(
  2,
);

/** A brain that is away until it is wanted. */
function createLine() {
  let open = false;
  let socket: WebSocketLike | undefined;
  return {
    transport: createWebSocketTransport({
      brainUrl,
      token: TOKEN,
      webSocket(url, { headers }) {
        if (!open) throw new Error("connection refused");
        return socket = openQuietSocket(url, { headers, ca: null });
      },
    }),
    connect: () => void (open = true),
    cut() {
      open = false;
      socket?.close(1000);
    },
  };
}

async function smallLog(): Promise<OpenSqlite> {
  const open = failingDriver(await loadSqlite());
  return (path) => {
    const driver = open(path);
    return { ...driver, exec: (sql) => driver.exec(changedSql(sql, CHECKPOINT_PAGES)) };
  };
}

// One for the whole process: its calls are counted.
const sqlite = smallLog();

function createHost(line: ReturnType<typeof createLine>, take: (buffer: GroupedBuffer) => void) {
  return createAgentCore({
    identity: hostIdentity(trial),
    secret: SECRET,
    transport: line.transport,
    async openBuffer() {
      const path = join(folder, BUFFER_NAME);
      const store = kind === "kv" ? "deno-kv" as const : "sqlite" as const;
      const parts = { store, clock: hurriedClock, random: () => 0, sqlite: () => sqlite };
      const buffer = await openBuffer({ path, neighbours: true, fingerprint: "nth", ...parts });
      take(buffer);
      return buffer;
    },
    redactor: createRedactor(),
    random: () => 0,
  });
}

async function main(): Promise<void> {
  const mark = openMarks(folder);
  const heart = startHeart();
  const line = createLine();
  let opened: GroupedBuffer | undefined;
  const agent = createHost(line, (buffer) => opened = buffer);
  await agent.start();
  const buffer = opened;
  if (buffer === undefined) throw new Error("the agent opened no buffer");
  const writer = createWriter(agent, buffer, mark);
  for (let i = 0; i < AWAY_FIRST; i++) await writer.group();
  mark({ online: true });
  line.connect();
  agent.reconnectNow();
  const drained = (): boolean => buffer.depth().count === 0 || (mode === "ever" && buffer.troubled);
  await within(PATIENCE_MS, drained);
  for (let i = 0; i < CONNECTED; i++) {
    await writer.group();
    await within(PATIENCE_MS, drained);
  }
  line.cut();
  mark({ offline: true });
  for (let i = 0; i < AWAY_LAST; i++) await writer.group();
  // A buffer that waits in memory gets the time to find its disk again.
  if (mode === "once") await within(PATIENCE_MS, () => buffer.capabilities.durable);
  await writer.group();
  const { durable } = buffer.capabilities;
  const unresolved = writer.unresolved();
  const stopped = await agent.stop({ timeoutMs: mode === "once" ? PATIENCE_MS : 200 });
  const losses = buffer.losses();
  const report: AgentReport = {
    recorded: writer.recorded(),
    unresolved,
    losses,
    durable,
    stopped,
    longestGapMs: heart(),
  };
  console.log(JSON.stringify(report));
}

function createWriter(
  agent: Agent,
  buffer: GroupedBuffer,
  mark: ReturnType<typeof openMarks>,
) {
  let recorded = 0;
  let waiting = 0;
  const lost = (): string => JSON.stringify(buffer.losses());
  const isHopeless = (): boolean =>
    mode === "ever" && (buffer.troubled || !buffer.capabilities.durable);
  return {
    recorded: () => recorded,
    unresolved: () => waiting,
    async group(): Promise<void> {
      const before = { durable: buffer.capabilities.durable, lost: lost() };
      mark({ recorded: recorded + GROUP });
      waiting = GROUP;
      for (let i = 0; i < GROUP; i++) record(agent, recorded++);
      let settled = false;
      void buffer.settled().then(() => settled = true);
      await within(PATIENCE_MS, () => settled || isHopeless());
      const { durable } = buffer.capabilities;
      if (!settled || !before.durable || !durable || before.lost !== lost()) return;
      mark({ resolved: [recorded - GROUP, recorded - 1] });
      waiting = 0;
    },
  };
}

function record(agent: Agent, n: number): void {
  agent.record("nth", {
    kind: n % 2 === 0 ? "task.started" : "task.succeeded",
    taskId: `${trial}:${n}`,
    occurredAtMs: Date.now(),
    data: { taskName: "nth", kwargs: { pad: padOf(n) } },
  });
}

await main();
