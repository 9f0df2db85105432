import { isJsonObject } from "../base/json.ts";
import type { Engine, EngineCapability } from "../engines/contract.ts";
import type { ReceivedCommand } from "./commands.ts";

/** The engine of a command, or why there is none. */
export type EngineChoice =
  | { readonly ok: true; readonly engine: Engine }
  | { readonly ok: false; readonly reason: string };

// For these the filter alone names the engine (protocol section 17.3).
const BY_FILTER: ReadonlySet<string> = new Set(["bulk_retry", "requeue_dead_letter"]);

/**
 * Finds the engine that a command means (protocol sections 17.2 and 17.3).
 *
 * @param token What the engine of a command that names none must be able to do:
 * a brain sends purges and rate limits without an engine.
 */
export function chooseEngine(
  command: ReceivedCommand,
  engines: ReadonlyMap<string, Engine>,
  token?: EngineCapability,
): EngineChoice {
  const name = engineNameOf(command);
  if (!name.ok) return name;
  if (name.name !== null) {
    const engine = engines.get(name.name);
    if (engine !== undefined) return { ok: true, engine };
    return refuse(`engine "${name.name}" is not watched by this agent`);
  }
  const all = [...engines.values()];
  const able = token === undefined
    ? all
    : all.filter((engine) => engine.capabilities.includes(token));
  const [only, ...others] = able.length === 0 ? all : able;
  if (only === undefined) return refuse("this agent watches no engine");
  if (others.length > 0) return refuse("the command names no engine and this agent has several");
  return { ok: true, engine: only };
}

/** The name of the engine that a command means, `null` when it names none. */
export type NameChoice =
  | { readonly ok: true; readonly name: string | null }
  | { readonly ok: false; readonly reason: string };

/** Reads which engine a command means. */
export function engineNameOf({ action, target, parameters }: ReceivedCommand): NameChoice {
  const filter = parameters["filter"];
  const byFilter = isJsonObject(filter) ? filter["engine"] : undefined;
  if (BY_FILTER.has(action) && typeof byFilter === "string" && byFilter !== "") {
    return { ok: true, name: byFilter };
  }
  const wanted = parameters["engine"] ?? null;
  if (wanted !== null && (typeof wanted !== "string" || wanted === "")) {
    return refuse("parameters.engine is not a name");
  }
  const fromTarget = target["engine"];
  const targeted = typeof fromTarget === "string" && fromTarget !== "" ? fromTarget : null;
  if (wanted !== null && targeted !== null && wanted !== targeted) {
    return refuse(`parameters.engine "${wanted}" contradicts target.engine "${targeted}"`);
  }
  const filtered = typeof byFilter === "string" && byFilter !== "" ? byFilter : null;
  return { ok: true, name: wanted ?? targeted ?? filtered };
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
