import type { Agent } from "../agent/agent_types.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { DescribedSetting } from "../settings/describe.ts";
import type { SettingKey } from "../settings/settings.ts";
import { createProcessHooks, type ProcessHookParts } from "./process_hooks.ts";
import type { StartGate } from "./start_gate.ts";
import type { StartRefusal } from "./start_rules.ts";

/** Every setting with its source; secrets are masked. */
export type AgentConfig = Readonly<Record<SettingKey, DescribedSetting>>;

/** The agent of a process, as `createAgent()` makes it. */
export interface ManagedAgent extends Agent {
  /**
   * Whether the middleware, `startAgent()` and `installAgent()` may start it:
   * the setting, and no rule of docs/life-cycle.md against it.
   */
  readonly autostart: boolean;
  /** Starts it unless the setting or a rule forbids; one line then names the rule. */
  autoStart(): Promise<void>;
  /** Every setting with its source, secrets masked; `null` when they are wrong. */
  config(): AgentConfig | null;
  /** Names the web framework on the brain, unless the options did. */
  nameFramework(name: string): void;
}

/** What the composition root adds to an agent. */
export interface Management extends ProcessHookParts {
  /** The file that shows the agent to others; removed when it stops. */
  readonly presence: { close(): Promise<void> };
  readonly gate: StartGate;
  readonly strictMode: boolean;
  readonly config: AgentConfig | null;
  readonly logger: Logger;
  readonly nameFramework: (name: string) => void;
}

const FORKED: StartRefusal = {
  rule: "cluster-primary",
  because: "the forked workers have agents of their own",
};

/** Adds to an agent what belongs to its process: signals, strictness, settings. */
export function manageAgent(agent: Agent, management: Management): ManagedAgent {
  const stop: Agent["stop"] = async (options) => {
    hooks.remove();
    const report = await agent.stop(options);
    await management.presence.close();
    return report;
  };
  const hooks = createProcessHooks(agent, management, stop);
  const { gate } = management;
  const start = async (): Promise<void> => {
    hooks.add();
    try {
      await agent.start();
    } catch (error) {
      hooks.remove();
      if (management.strictMode) throw error;
      management.logger.error({}, `agent not started: ${errorText(error)}`);
    }
  };
  return {
    context: agent.context,
    get autostart() {
      return gate.refusal() === null;
    },
    async autoStart() {
      const refusal = gate.refusal();
      if (refusal !== null) return gate.tell(refusal);
      hooks.add();
      hooks.yieldToCluster(() => gate.tell(FORKED));
      await start();
    },
    config: () => management.config,
    nameFramework: management.nameFramework,
    start,
    stop,
    ready: (options) => agent.ready(options),
    flush: (options) => agent.flush(options),
    reconnectNow: () => agent.reconnectNow(),
    requestFailed: (failure) => agent.requestFailed(failure),
    status: () => agent.status(),
    preview: (engine, event) => agent.preview(engine, event),
    metrics: () => agent.metrics(),
    record: (engine, event) => agent.record(engine, event),
    on: (type, listener) => agent.on(type, listener),
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}
