import process from "node:process";
import { createAgentCore } from "../../src/agent/agent.ts";
import type { Agent } from "../../src/agent/agent_types.ts";
import { consoleLogger } from "../../src/base/logger.ts";
import type { EventBuffer } from "../../src/buffer/port.ts";
import { createAgentFiles } from "../../src/install/agent_files.ts";
import { createIdentity } from "../../src/install/identity.ts";
import { createPlatform } from "../../src/platform/node.ts";
import { decodeHmacSecret } from "../../src/protocol/hmac.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { resolveSettings } from "../../src/settings/resolve.ts";
import { runtimeWebSocket, type WebSocketFactory } from "../../src/transport/socket_like.ts";
import { createWebSocketTransport } from "../../src/transport/websocket.ts";
import type { Journal } from "./journal.ts";
import { plantedBuffer } from "./plants.ts";
import { isFrame, type Points } from "./points.ts";

/** What a writer's agent reports to. */
export interface WriterTap {
  readonly journal: Journal;
  readonly points: Points;
  readonly plant: string | undefined;
}

/** An agent whose buffer can be watched. */
export interface WriterAgent {
  readonly agent: Agent;
  /** Waits until everything recorded so far is on disk, and notes it. */
  settle(): Promise<void>;
}

// Waits between attempts stay near their floor: a run has little time, and the
// back-off is another test's matter.
const RANDOM_SHARE = 0.01;

/** The agent of `Z4J_*` as `createAgent()` makes it, with its ports watched. */
export function createWriterAgent(tap: WriterTap): WriterAgent {
  const platform = createPlatform();
  const logger = consoleLogger("warn", { ...console, debug: console.error, info: console.error });
  const outcome = resolveSettings({}, platform, { validateSecret: () => null, alsoAllowed: [] });
  if (!outcome.ok) throw new Error(outcome.problems.map(({ message }) => message).join("; "));
  const { settings } = outcome;
  const files = createAgentFiles(settings, platform, logger);
  let opened: EventBuffer | undefined;
  const agent = createAgentCore({
    identity: createIdentity(settings, platform, () => "chaos", Date.now()),
    secret: decodeHmacSecret(settings.hmacSecret),
    transport: createWebSocketTransport({
      brainUrl: settings.brainUrl,
      token: settings.token,
      webSocket: watchSockets(tap.points),
    }),
    openBuffer: async () => opened = watchBuffer(await files.openBuffer(), tap),
    state: files.state,
    redactor: createRedactor(),
    random: () => Math.random() * RANDOM_SHARE,
    logger,
  });
  return {
    agent,
    async settle() {
      const { journal, points } = tap;
      const upTo = journal.count;
      await opened?.settled();
      points.hit("settled");
      journal.lost(losses(opened));
      journal.settled(upTo);
    },
  };
}

function losses(buffer: EventBuffer | undefined): unknown {
  const counts = Object.entries(buffer?.losses() ?? {});
  return Object.fromEntries(counts.filter(([, byKind]) => Object.keys(byKind).length > 0));
}

/** Journals every event before it enters the buffer. */
function watchBuffer(buffer: EventBuffer, { journal, points, plant }: WriterTap): EventBuffer {
  const { kind, durable } = buffer.capabilities;
  const runtime = "Bun" in globalThis ? "bun" : "deno";
  journal.opened({ variant: kind === "deno-kv" ? kind : `${runtime}-${kind}`, durable });
  const planted = plantedBuffer(buffer, plant);
  const replaced: Partial<EventBuffer> = {
    ...planted,
    push(entry) {
      const { task_id: taskId } = JSON.parse(entry.text) as { task_id: string };
      journal.recorded(taskId, entry.kind, entry.text);
      points.hit("record");
      (planted.push ?? buffer.push.bind(buffer))(entry);
    },
  };
  return new Proxy(buffer, {
    get(target, key) {
      const own = replaced[key as keyof EventBuffer];
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Makes places out of what passes a socket. */
function watchSockets(points: Points): WebSocketFactory {
  return (url, init) => {
    const socket = runtimeWebSocket(url, init);
    points.hit("dialled");
    const send = socket.send.bind(socket);
    socket.send = (text) => {
      const isBatch = isFrame(text, "event_batch");
      if (isBatch) points.hit("before-send");
      send(text);
      points.hit(isBatch ? "after-send" : "hello");
    };
    // Registered first, so it sees an ack before the agent does.
    (socket as unknown as WebSocket).addEventListener("message", ({ data }) => {
      if (isFrame(data, "event_batch_ack")) points.hit("ack-arrived");
    });
    return socket;
  };
}

/** The planted fault that the environment names. */
export function plantOf(variable: string): string | undefined {
  return process.env[variable];
}
