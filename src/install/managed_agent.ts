import type { Agent } from "../agent/agent_types.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { DescribedSetting } from "../settings/describe.ts";
import type { SettingKey } from "../settings/settings.ts";

/** Every setting with its source; secrets are masked. */
export type AgentConfig = Readonly<Record<SettingKey, DescribedSetting>>;

/** The agent of a process, as `createAgent()` makes it. */
export interface ManagedAgent extends Agent {
  /** Whether the middleware and `startAgent()` may start it. */
  readonly autostart: boolean;
  /** Every setting with its source, secrets masked; `null` when they are wrong. */
  config(): AgentConfig | null;
  /** Names the web framework on the brain, unless the options did. */
  nameFramework(name: string): void;
}

/** What the composition root adds to an agent. */
export interface Management {
  /** The file that shows the agent to others; removed when it stops. */
  readonly presence: { close(): Promise<void> };
  readonly autostart: boolean;
  readonly strictMode: boolean;
  readonly config: AgentConfig | null;
  readonly logger: Logger;
  readonly onStopSignal: (listener: () => Promise<void>) => () => void;
  /** Calls back on SIGHUP where that does not mean the end of a terminal. */
  readonly onHangup: (listener: () => void) => () => void;
  readonly nameFramework: (name: string) => void;
}

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
  return {
    context: agent.context,
    autostart: management.autostart,
    config: () => management.config,
    nameFramework: management.nameFramework,
    async start() {
      watch();
      try {
        await agent.start();
      } catch (error) {
        unwatch();
        if (management.strictMode) throw error;
        management.logger.error({}, `agent not started: ${errorText(error)}`);
      }
    },
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
