import type { Agent } from "../agent/agent_types.ts";

/** What the process tells about itself; each call answers the remover. */
export interface ProcessHookParts {
  /** Calls back on SIGTERM and SIGINT, and waits for the answer. */
  readonly onStopSignal: (listener: () => Promise<void>) => () => void;
  /** Calls back when the process has nothing left to do. */
  readonly onIdleEnd: (listener: () => void) => () => void;
  /** Calls back on SIGHUP where that does not mean the end of a terminal. */
  readonly onHangup: (listener: () => void) => () => void;
  /** Calls back when this process becomes the primary of a cluster; `null`: ask again later. */
  readonly onClusterFork: (listener: () => void) => (() => void) | null;
}

/** The hooks of one agent in its process. */
export interface ProcessHooks {
  /** Adds them, once. */
  add(): void;
  /** Removes them. */
  remove(): void;
  /** Stops the agent when the process forks workers, which have agents of their own. */
  yieldToCluster(tell: () => void): void;
}

// A courtesy at the end of a process: what is not sent stays on disk anyway.
const STOP_SIGNAL_FLUSH_MS = 2000;
// A script ends within 100 ms of its last line.
const AT_THE_END = { timeoutMs: 60, closeTimeoutMs: 20 };

/** Creates hooks that are not added yet; they go with the agent, whoever stops it. */
export function createProcessHooks(
  agent: Agent,
  parts: ProcessHookParts,
  stop: Agent["stop"],
): ProcessHooks {
  let releases: (() => void)[] = [];
  const remove = (): void => {
    for (const release of releases.splice(0)) release();
  };
  // A newer agent of the same name stops this one without asking its owner.
  agent.on("state", ({ to }) => {
    if (to === "stopped") remove();
  });
  const leave = createLeave(agent, stop);
  return {
    remove,
    add() {
      if (releases.length > 0) return;
      releases = [
        parts.onStopSignal(async () => void await stop({ timeoutMs: STOP_SIGNAL_FLUSH_MS })),
        parts.onHangup(() => agent.reconnectNow()),
        parts.onIdleEnd(() => void leave()),
      ];
    },
    yieldToCluster(tell) {
      if (releases.length === 0) return;
      let release: (() => void) | null = null;
      const join = (): void => {
        release ??= parts.onClusterFork(() => {
          tell();
          void stop();
        });
      };
      join();
      // The modules of Node, by which a process forks, may come with the first dial.
      const unwatch = agent.on("state", ({ to }) => to === "stopped" ? undefined : join());
      releases.push(() => {
        unwatch();
        release?.();
      });
    },
  };
}

/**
 * What to do when the process is about to end by itself. It asks again after
 * each turn: a host that goes on meanwhile keeps its agent, one that has
 * recorded nothing more loses it.
 */
function createLeave(agent: Agent, stop: Agent["stop"]): () => Promise<void> {
  let recordedBefore = 0;
  return async () => {
    const { recorded } = agent.status().events;
    if (recorded === recordedBefore) return void await stop(AT_THE_END);
    recordedBefore = recorded;
    const { remaining } = await agent.flush({ timeoutMs: AT_THE_END.timeoutMs });
    if (remaining > 0) await stop(AT_THE_END);
  };
}
