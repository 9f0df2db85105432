import { CLOSE } from "@z4j/core/protocol";
import type { LiveAgent } from "../live_agents.ts";
import { ok, type Probe, warn } from "../probe.ts";

/** Agents that run with this home, by what they tell about themselves. */
export const agentsProbe: Probe = {
  id: "agents",
  title: "running agents",
  needs: [],
  async run(context) {
    const agents = await context.liveAgents();
    if (agents.length === 0) return ok("none runs with this home", { agents: [] });
    const lines = agents.map(describe);
    const facts = { agents: agents.map(factsOf) };
    const displaced = agents.filter(({ presence }) =>
      presence.status.lastError?.code === CLOSE.displaced
    );
    if (displaced.length > 0 || sharesWorkerId(agents)) {
      const detail = "two processes use one worker id (received 4002)";
      return warn("Z4J_DOCTOR_AGENT_DUPLICATE", detail, { lines, facts });
    }
    const away = agents.filter(({ presence }) => presence.status.state !== "connected");
    if (away.length > 0) {
      const detail = `${away.length} of ${agents.length} not connected`;
      return warn("Z4J_DOCTOR_AGENT_DISCONNECTED", detail, { lines, facts });
    }
    return { ...ok(`${agents.length} connected`, facts), lines };
  },
};

function sharesWorkerId(agents: readonly LiveAgent[]): boolean {
  const ids = agents.map(({ presence }) => `${presence.tokenFingerprint} ${presence.workerId}`);
  return new Set(ids).size < ids.length;
}

function describe({ presence }: LiveAgent): string {
  const { pid, agentName, status, announces } = presence;
  const label = agentName === null ? "" : ` "${agentName}"`;
  const engines = announces.engines.length === 0 ? "no engine" : announces.engines.join(", ");
  const waiting = status.buffer === null ? "" : `, ${status.buffer.count} events wait`;
  const trouble = status.state === "connected" || status.lastError === null
    ? ""
    : ` (${status.lastError.advice})`;
  return `pid ${pid}${label}: ${status.state}, ${engines}${waiting}${trouble}`;
}

function factsOf({ presence, sharesToken }: LiveAgent): Record<string, string | number | boolean> {
  const { pid, workerId, status } = presence;
  return { pid, worker_id: workerId, state: status.state, shares_token: sharesToken };
}
