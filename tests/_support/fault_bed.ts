import type { Agent, AgentParts } from "../../src/agent/agent_types.ts";
import type { FakeBrain, FakeBrainOptions } from "../../src/testing/fake_brain.ts";
import { createRigAgent, hurriedClock, keepingLogger, startTestBrain } from "./agent_rig.ts";
import { createDeliveryAccount, type DeliveryAccount } from "./delivery_account.ts";

/** A faulty brain with one agent before it, and the account of both. */
export interface FaultBed {
  readonly brain: FakeBrain;
  readonly agent: Agent;
  readonly account: DeliveryAccount;
  readonly logger: ReturnType<typeof keepingLogger>;
}

export interface FaultBeds {
  create(
    more?: Partial<AgentParts>,
    options?: Partial<FakeBrainOptions>,
    way?: (brainUrl: string) => Promise<string>,
  ): Promise<FaultBed>;
  /** To be called after each test, before the agents and brains are closed. */
  later(cleanup: () => Promise<unknown>): void;
  clean(): Promise<void>;
}

export function faultBeds(): FaultBeds {
  const cleanups: (() => Promise<unknown>)[] = [];
  return {
    async create(more = {}, options = {}, way = (url) => Promise.resolve(url)) {
      const brain = await startTestBrain(options);
      cleanups.push(() => brain.close());
      const account = createDeliveryAccount();
      const logger = keepingLogger();
      const agent = createRigAgent(await way(brain.url), {
        openBuffer: account.openBuffer,
        clock: hurriedClock(20),
        logger,
        ...more,
      });
      cleanups.push(() => agent.stop({ timeoutMs: 200 }));
      return { brain, agent, account, logger };
    },
    later: (cleanup) => void cleanups.push(cleanup),
    async clean() {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    },
  };
}

export function isDrained({ agent, account }: FaultBed, count: number): boolean {
  return account.recorded.size === count && agent.status().buffer?.count === 0;
}

export function warnings({ logger }: FaultBed, message: string): number {
  return logger.lines.filter((line) => line.level === "warn" && line.message === message).length;
}
