import { systemClock } from "../base/clock.ts";
import { totalOf } from "../base/total.ts";
import { readPresence } from "../presence/read.ts";
import type { AgentPresence } from "../presence/record.ts";
import type { Command } from "./command.ts";
import { HOME_FLAG, HOME_HELP, homeOf, partialSettings } from "./home.ts";
import { EXIT } from "./io.ts";
import { ageText, textTable } from "./text_table.ts";

/** `z4j status`: who runs here, and how they are. */
export const statusCommand: Command = {
  name: "status",
  summary: "agents that run with this home: sessions, depths, losses",
  help: [HOME_HELP, "Exit code 1 when no agent runs, or one is not connected."],
  examples: ["z4j status", "z4j status --json | jq '.agents[].state'"],
  flags: HOME_FLAG,
  maxRest: 0,
  async run(flags, io) {
    const home = homeOf(partialSettings(flags));
    const agents = [...await readPresence(home)].sort((left, right) => left.pid - right.pid);
    const isWell = agents.length > 0 && agents.every(({ status }) => status.state === "connected");
    if (flags.has("json")) {
      io.out(JSON.stringify({ home, ok: isWell, agents: agents.map(agentJson) }, null, 2));
    } else if (agents.length === 0) {
      io.out(`No agent runs with ${home}.`);
    } else {
      io.out(render(home, agents).join("\n"));
    }
    return isWell ? EXIT.ok : EXIT.failed;
  },
};

function render(home: string, agents: readonly AgentPresence[]): readonly string[] {
  const title = `z4j status (${home})`;
  const now = systemClock.now();
  const rows = agents.map((agent) => {
    const { status } = agent;
    const since = status.connectedAtMs === null ? "" : ageText(now - status.connectedAtMs);
    return [
      String(agent.pid),
      agent.agentName ?? "-",
      agent.role ?? "-",
      status.state,
      since,
      String(status.buffer?.count ?? 0),
      String(lossesOf(agent)),
      String(status.events.acked),
      agent.announces.engines.join(",") || "-",
    ];
  });
  const head = ["pid", "name", "role", "state", "since", "waiting", "lost", "acked", "engines"];
  const trouble = agents.filter(({ status }) => status.state !== "connected")
    .flatMap(({ pid, status }) =>
      status.lastError === null ? [] : [`  pid ${pid}: ${status.lastError.advice}`]
    );
  return [title, "=".repeat(title.length), ...textTable(head, rows), ...trouble];
}

function lossesOf({ status }: AgentPresence): number {
  return totalOf(status.lost);
}

function agentJson(agent: AgentPresence): Readonly<Record<string, unknown>> {
  const { status } = agent;
  return {
    pid: agent.pid,
    worker_id: agent.workerId,
    name: agent.agentName,
    role: agent.role,
    project_id: agent.projectId,
    brain_url: agent.brainUrl,
    framework: agent.framework,
    runtime: agent.runtime,
    state: status.state,
    session_id: status.sessionId,
    connected_at: isoOf(status.connectedAtMs),
    started_at: isoOf(agent.startedAtMs),
    updated_at: isoOf(agent.updatedAtMs),
    next_attempt_at: isoOf(status.nextAttemptAtMs),
    reconnects: status.reconnects,
    brain_version: status.brainVersion,
    engines: agent.announces.engines,
    schedulers: agent.announces.schedulers,
    buffer: status.buffer === null ? null : {
      path: agent.bufferPath,
      events: status.buffer.count,
      bytes: status.buffer.bytes,
    },
    lost: status.lost,
    events: status.events,
    commands: status.commands,
    last_error: status.lastError,
  };
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
