import { createAgent } from "./create_agent.ts";
import type { ManagedAgent } from "./managed_agent.ts";
import type { AgentOptions } from "./options.ts";

const SLOT: unique symbol = Symbol.for("z4j.installed") as typeof SLOT;

// Another object for each evaluation of this module: a hot reload makes a new
// one under the same address, a second installed package one under another.
const COPY: object = Object.freeze({});
const ADDRESS: string = import.meta.url.replace(/\?.*$/, "");

interface Installed {
  readonly copy: object;
  readonly address: string;
  readonly agent: ManagedAgent;
}

/**
 * The one agent of this process, from anywhere: the first call makes it from
 * the options and starts it in the background, later calls answer the same one
 * and ignore their options. After a hot reload the first call makes a new one,
 * which takes the place of the old.
 *
 * Where it must not start by itself (docs/life-cycle.md), one line names the
 * rule and the answer is an agent that waits for `start()`.
 *
 * @param options What to watch, and how to reach the brain.
 * @throws {Z4jError} `Z4J_SETTINGS_INVALID` in strict mode.
 *
 * @example The same agent in two modules
 * ```ts
 * import { installAgent } from "@z4j/core";
 * import { equal } from "node:assert/strict";
 *
 * const agent = installAgent({ env: { Z4J_DISABLED: "1" } });
 * equal(installAgent(), agent);
 * ```
 */
export function installAgent(options: AgentOptions = {}): ManagedAgent {
  const holder = globalThis as { [SLOT]?: unknown };
  const found = holder[SLOT] as Partial<Installed> | undefined;
  const isStale = found?.address === ADDRESS && found.copy !== COPY;
  if (found?.agent !== undefined && !isStale) return found.agent;
  const agent = createAgent(options);
  const value: Installed = { copy: COPY, address: ADDRESS, agent };
  Object.defineProperty(holder, SLOT, { value, configurable: true, writable: true });
  // A failure was logged; in strict mode `start()` tells it to who awaits it.
  agent.autoStart().catch(() => {});
  return agent;
}
