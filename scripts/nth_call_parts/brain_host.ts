/**
 * A host process with the embedded brain, whose disk fails, and an agent:
 *
 *     brain_host.ts FOLDER - TRIAL once|ever
 *
 * Marks say what the brain acknowledged, to the agent and over REST; the last
 * line is a report. A brain that cannot start is started again once.
 */
import process from "node:process";
import { createAgentCore } from "../../src/agent/agent.ts";
import { isZ4jError } from "../../src/base/errors.ts";
import type { RunningBrain } from "../../src/brain/http_listen.ts";
import { startBrain } from "../../src/brain/serve.ts";
import { createGroupedBuffer } from "../../src/buffer/grouped.ts";
import { createMemoryStore } from "../../src/buffer/memory.ts";
import type { EventStore } from "../../src/buffer/port.ts";
import { openQuietSocket } from "../../src/platform/quiet_socket.ts";
import { decodeHmacSecret } from "../../src/protocol/hmac.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { createWebSocketTransport } from "../../src/transport/websocket.ts";
import { hurriedClock } from "./hurried.ts";
import { hostIdentity } from "./identity.ts";
import { type BrainReport, openMarks, padOf, startHeart, within } from "./marks.ts";
import { watchBrainDriver } from "./small_log.ts";

const [folder = "", , trial = "", mode = "once"] = process.argv.slice(2);
const GROUPS = 4;
const GROUP = 4;
const PATIENCE_MS = mode === "once" ? 10_000 : 150;

interface Minted {
  readonly token: string;
  readonly hmac_secret: string;
}

const mark = openMarks(folder);
const tally = { refusedStarts: 0, failedRequests: 0, unclean: [] as string[] };

async function start(): Promise<RunningBrain | null> {
  for (let i = 0; i < 2; i++) {
    try {
      return await startBrain({ port: 0, dataDir: folder });
    } catch (error) {
      tally.refusedStarts++;
      if (isZ4jError(error) && error.code === "Z4J_BRAIN_STORE") continue;
      tally.unclean.push(`the start failed with ${String(error)}`);
    }
  }
  return null;
}

/** A request over REST; a failure has to be a clean one. */
async function request(brain: RunningBrain, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${brain.baseUrl}/api/v1${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${brain.apiToken}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    tally.unclean.push(`${path} was answered with ${response.status} ${text.slice(0, 80)}`);
    return null;
  }
  if (response.ok) return json;
  tally.failedRequests++;
  const isClean = response.status >= 500 && !/sqlite|disk|database|\.ts\b|\/tmp/i.test(text);
  if (!isClean) tally.unclean.push(`${path} was answered with ${response.status} ${text}`);
  return null;
}

/** Makes an agent over REST; again when the brain cannot. */
async function mint(brain: RunningBrain, name: string): Promise<Minted | null> {
  for (let i = 0; i < 3; i++) {
    const made = await request(brain, "/projects/default/agents", { name });
    if (made === null) continue;
    mark({ made: name });
    return made as Minted;
  }
  return null;
}

/** A store in memory that tells what was acknowledged: the ids are 1 and up. */
function watchedStore(onAcked: (first: number, last: number) => void): EventStore {
  const store = createMemoryStore();
  const remove = store.removeRange.bind(store);
  store.removeRange = (firstId, lastId) => {
    onAcked(firstId - 1, lastId - 1);
    return remove(firstId, lastId);
  };
  return store;
}

async function work(brain: RunningBrain): Promise<{ recorded: number; acked: number }> {
  let [recorded, acked] = [0, 0];
  const minted = await mint(brain, "worker");
  if (minted === null) return { recorded, acked };
  const store = watchedStore((first, last) => {
    mark({ acked: [first, last] });
    acked += last - first + 1;
  });
  const agent = createAgentCore({
    identity: hostIdentity(trial),
    secret: decodeHmacSecret(minted.hmac_secret),
    transport: createWebSocketTransport({
      brainUrl: brain.baseUrl,
      token: minted.token,
      webSocket: (url, { headers }) => openQuietSocket(url, { headers, ca: null }),
    }),
    openBuffer: () => Promise.resolve(createGroupedBuffer({ store, clock: hurriedClock })),
    redactor: createRedactor(),
    clock: hurriedClock,
    random: () => 0,
  });
  await agent.start();
  for (let group = 0; group < GROUPS; group++) {
    mark({ recorded: recorded + GROUP });
    for (let i = 0; i < GROUP; i++, recorded++) {
      agent.record("nth", {
        kind: recorded % 2 === 0 ? "task.started" : "task.succeeded",
        taskId: `${trial}:${recorded}`,
        occurredAtMs: Date.now(),
        data: { taskName: "nth", queue: "q", kwargs: { pad: padOf(recorded) } },
      });
    }
    await within(PATIENCE_MS, () => acked === recorded);
    if (group % 3 === 1) await mint(brain, `extra-${group}`);
    if (group % 3 === 2) await request(brain, "/projects/default/tasks");
  }
  await agent.stop({ timeoutMs: 1_000 });
  return { recorded, acked };
}

async function main(): Promise<void> {
  await watchBrainDriver();
  const heart = startHeart();
  const brain = await start();
  const done = brain === null ? { recorded: 0, acked: 0 } : await work(brain);
  await brain?.close();
  const report: BrainReport = { ...done, ...tally, longestGapMs: heart() };
  console.log(JSON.stringify(report));
}

await main();
