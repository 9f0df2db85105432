import type { Agent } from "../agent/agent_types.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { DescribedSetting } from "../settings/describe.ts";
import type { SettingKey } from "../settings/settings.ts";
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
export interface Management {
  /** The file that shows the agent to others; removed when it stops. */
  readonly presence: { close(): Promise<void> };
  readonly gate: StartGate;
  /** Calls back when this process becomes the primary of a cluster. */
  readonly onClusterFork: (listener: () => void) => () => void;
  readonly strictMode: boolean;
  readonly config: AgentConfig | null;
  readonly logger: Logger;
  readonly onStopSignal: (listener: () => Promise<void>) => () => void;
  /** Calls back when the process has nothing left to do. */
  readonly onIdleEnd: (listener: () => void) => () => void;
  /** Calls back on SIGHUP where that does not mean the end of a terminal. */
  readonly onHangup: (listener: () => void) => () => void;
  readonly nameFramework: (name: string) => void;
}

// A script ends within 100 ms of its last line; what stays is on disk.
const AT_THE_END = { timeoutMs: 60, closeTimeoutMs: 20 };

const FORKED: StartRefusal = {
  rule: "cluster-primary",
  because: "the forked workers have agents of their own",
};

// A courtesy at the end of a process: what is not sent stays on disk anyway.
const STOP_SIGNAL_FLUSH_MS = 2000;

/** Adds to an agent what belongs to its process: signals, strictness, settings. */
export function manageAgent(agent: Agent, management: Management): ManagedAgent {
  let releases: (() => void)[] = [];
  const watch = (): void => {
    if (releases.length > 0) return;
    releases = [
      management.onStopSignal(async () => void await stop({ timeoutMs: STOP_SIGNAL_FLUSH_MS })),
      management.onHangup(() => agent.reconnectNow()),
      management.onIdleEnd(() => void leave()),
    ];
  };
  const unwatch = (): void => {
    for (const release of releases.splice(0)) release();
  };
  const stop: Agent["stop"] = async (options) => {
    unwatch();
    const report = await agent.stop(options);
    await management.presence.close();
    return report;
  };
  let recordedBefore = -1;
  // Asked again after each flush: a host that goes on meanwhile keeps its agent.
  const leave = async (): Promise<void> => {
    const { recorded } = agent.status().events;
    if (recorded === recordedBefore) return void await stop(AT_THE_END);
    recordedBefore = recorded;
    const { remaining } = await agent.flush({ timeoutMs: AT_THE_END.timeoutMs });
    if (remaining > 0) await stop(AT_THE_END);
  };
  const { gate } = management;
  const start = async (): Promise<void> => {
    watch();
    try {
      await agent.start();
    } catch (error) {
      unwatch();
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
      await start();
      // Forked later: its workers have agents, and the primary does no jobs.
      releases.push(management.onClusterFork(() => {
        gate.tell(FORKED);
        void stop();
      }));
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
    record: (engine, event) => agent.record(engine, event),
    on: (type, listener) => agent.on(type, listener),
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}
