import { agentSocket } from "./agent_socket.ts";
import type { Clock } from "../../src/base/clock.ts";
import type { Agent, AgentParts } from "../../src/agent/agent_types.ts";
import { createAgentCore } from "../../src/agent/agent.ts";
import type { EventBuffer } from "../../src/buffer/port.ts";
import { createGroupedBuffer } from "../../src/buffer/grouped.ts";
import { createMemoryStore } from "../../src/buffer/memory.ts";
import type { Logger, LogLevel } from "../../src/base/logger.ts";
import { startServer } from "../../src/platform/serve.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import {
  type FakeBrain,
  type FakeBrainOptions,
  startFakeBrain,
} from "../../src/testing/fake_brain.ts";
import type { SessionTerms } from "../../src/transport/port.ts";
import { createWebSocketTransport } from "../../src/transport/websocket.ts";

export const SECRET: Uint8Array = new Uint8Array(32).fill(7);
export const TOKEN = "token-of-the-agent-rig";

/** What a brain said in a session whose frames are small. */
export const SESSION_TERMS: SessionTerms = {
  identity: { agentId: "a", projectId: "p", sessionId: "s" },
  brainVersion: "1",
  heartbeatIntervalMs: 10_000,
  maxFrameBytes: 4096,
  clockOffsetMs: 0,
};

export interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A logger that keeps its lines. */
export function keepingLogger(): Logger & { readonly lines: Line[] } {
  const lines: Line[] = [];
  const at = (level: LogLevel) => (facts: Readonly<Record<string, unknown>>, message: string) => {
    lines.push({ level, message, facts });
  };
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

export function startTestBrain(options: Partial<FakeBrainOptions> = {}): Promise<FakeBrain> {
  return startFakeBrain({ startServer, secret: SECRET, token: TOKEN, ...options });
}

export function memoryBuffer(): EventBuffer {
  return createGroupedBuffer({ store: createMemoryStore() });
}

/** A clock whose waits are so many times shorter. */
export function hurriedClock(factor: number): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now() * factor,
    setTimer(callback, delayMs) {
      const timer = setTimeout(callback, delayMs / factor);
      return () => clearTimeout(timer);
    },
  };
}

export function agentParts(brainUrl: string, more: Partial<AgentParts> = {}): AgentParts {
  return {
    identity: {
      framework: "bare",
      agentVersion: "1.13.0+z4j-js.0.1.0",
      hostName: "rig",
      workerId: `rig-${crypto.randomUUID()}`,
      workerRole: "task",
      pid: 1,
      startedAtMs: Date.now(),
      environment: "test",
      tags: { team: "blue" },
    },
    secret: SECRET,
    transport: createWebSocketTransport({ brainUrl, token: TOKEN, webSocket: agentSocket }),
    openBuffer: () => Promise.resolve(memoryBuffer()),
    redactor: createRedactor(),
    ...more,
  };
}

export function createRigAgent(brainUrl: string, more: Partial<AgentParts> = {}): Agent {
  return createAgentCore(agentParts(brainUrl, more));
}

/** Waits until a condition holds; fails after the deadline. */
export async function until(
  what: string,
  holds: () => boolean,
  deadlineMs = 8000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
