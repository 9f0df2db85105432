import type { JsonObject } from "../base/json.ts";
import { type Clock, sleep } from "../base/clock.ts";
import { isRefusal } from "./api_commands.ts";
import { HttpRefusal } from "./http_env.ts";
import type { BrainOperator } from "./operator_port.ts";
import type { AgentRow, BrainReader } from "./store.ts";

/** What a page of dead letters is asked for. */
export interface DeadLetterRequest {
  readonly projectId: string;
  readonly engine: string;
  readonly queue: string | null;
  readonly limit: number;
  readonly cursor: string | null;
}

/** What it takes to ask. */
export interface DeadLetterParts {
  readonly reader: BrainReader;
  readonly operator: BrainOperator;
  readonly clock: Clock;
}

// Protocol section 18.4.
const WAIT_MS = 15_000;
const LOOK_MS = 25;

/** The first online agent whose engine can do something. */
export function ableAgent(
  reader: BrainReader,
  projectId: string,
  engine: string,
  token: string,
): AgentRow | null {
  return reader.agents(projectId).find((agent) =>
    agent.state === "online" && agent.revokedAtMs === null && agent.engines.includes(engine) &&
    (agent.capabilities[engine] ?? []).includes(token)
  ) ?? null;
}

/** Asks an agent for its dead letters and waits for the answer; the brain keeps none. */
export async function askDeadLetters(
  { reader, operator, clock }: DeadLetterParts,
  request: DeadLetterRequest,
): Promise<JsonObject> {
  const { projectId, engine, queue, limit, cursor } = request;
  const agent = ableAgent(reader, projectId, engine, "list_dead_letters");
  if (agent === null) {
    throw new HttpRefusal(409, `no online agent can list dead letters of engine ${engine}`);
  }
  const issued = operator.issueCommand({
    projectId,
    agentId: agent.id,
    action: "dlq.list",
    target: { type: "queue", id: queue, engine },
    parameters: { engine, queue, limit, cursor },
    timeoutMs: WAIT_MS,
  });
  if (isRefusal(issued)) throw new HttpRefusal(409, issued.message);
  const endMs = clock.monotonic() + WAIT_MS;
  for (;;) {
    const row = reader.command(projectId, issued.id);
    if (row?.status === "completed" && row.result !== null) return row.result;
    if (row?.status === "failed") {
      const detail = row.error ?? "the agent could not list dead letters";
      throw new HttpRefusal(/invalid dead-letter cursor/.test(detail) ? 422 : 409, detail);
    }
    if (clock.monotonic() >= endMs) {
      throw new HttpRefusal(503, "the agent did not list its dead letters in time");
    }
    await sleep(clock, LOOK_MS);
  }
}
