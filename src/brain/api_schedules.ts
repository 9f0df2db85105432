import { isJsonObject, type JsonObject } from "../base/json.ts";
import { optionalText, text } from "./api_parse.ts";
import { HttpRefusal } from "./http_env.ts";
import { WIDTH } from "./limits.ts";
import type { ScheduleWrite } from "./operator_port.ts";
import type { AgentRow } from "./store.ts";

const OPERATIONS = ["create", "update", "delete"] as const;

/** Reads `{scheduler, operation, schedule_id, definition}`; the scheduler judges the definition. */
export function parseScheduleWrite(body: JsonObject): ScheduleWrite {
  const scheduler = text(body, "scheduler", WIDTH.engine);
  const operation = OPERATIONS.find((known) => known === body["operation"]);
  if (operation === undefined) {
    throw new HttpRefusal(422, `operation must be one of ${OPERATIONS.join(", ")}`);
  }
  const scheduleId = optionalText(body, "schedule_id", 64);
  if ((scheduleId === null) !== (operation === "create")) {
    throw new HttpRefusal(422, "schedule_id is required, except for create");
  }
  const definition = body["definition"] ?? {};
  if (!isJsonObject(definition)) throw new HttpRefusal(422, "definition must be an object");
  const isEmpty = Object.keys(definition).length === 0;
  if (isEmpty !== (operation === "delete")) {
    throw new HttpRefusal(422, "definition is required, except for delete");
  }
  return { scheduler, operation, scheduleId, definition };
}

/** What the schedulers of online agents can do, by scheduler. */
export function schedulerTokens(
  agents: readonly AgentRow[],
): Readonly<Record<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for (const { state, schedulers, capabilities } of agents) {
    if (state !== "online") continue;
    for (const name of schedulers) found.set(name, capabilities[name] ?? []);
  }
  return Object.fromEntries(found);
}
