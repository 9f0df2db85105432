import { ok, type Probe, warn } from "../probe.ts";
import type { LiveAgent } from "../live_agents.ts";

const DISPLACED = 4002;

/** Agents that run with this home, by what they tell about themselves. */
export const agentsProbe: Probe = {
  id: "agents",
  title: "running agents",
  needs: [],
  async run(context) {
    const agents = await context.liveAgents();
    const lines = agents.map(describe);
    const facts = {
      agents: agents.map(({ pid, workerId, state, engines, schedulers }) => ({
        pid,
        worker_id: workerId,
        state,
        engines: [...engines],
        schedulers: [...schedulers],
      })),
    };
    if (agents.length === 0) return ok("none runs with this home", facts);
    const ids = agents.map(({ workerId }) => workerId);
    const isShared = new Set(ids).size < ids.length;
    if (isShared || agents.some(({ errorCode }) => errorCode === DISPLACED)) {
      const detail = "two processes use one worker id (received 4002)";
      return warn("Z4J_DOCTOR_AGENT_DUPLICATE", detail, { lines, facts });
    }
    const away = agents.filter(({ state }) => state !== "connected");
    if (away.length > 0) {
      const detail = `${away.length} of ${agents.length} not connected`;
      return warn("Z4J_DOCTOR_AGENT_DISCONNECTED", detail, { lines, facts });
    }
    return { ...ok(`${agents.length} connected`, facts), lines };
  },
};

function describe({ pid, name, state, engines, advice }: LiveAgent): string {
  const what = engines.length === 0 ? "no engine" : engines.join(", ");
  const label = name === null ? "" : ` "${name}"`;
  return `pid ${pid}${label}: ${state}, ${what}${advice === null ? "" : ` (${advice})`}`;
}
