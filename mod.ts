/**
 * See and steer background jobs: the z4j agent.
 *
 * ```ts
 * import { createAgent } from "@z4j/core";
 *
 * const agent = createAgent({ env: { Z4J_DISABLED: "1" } });
 * await agent.start();
 * ```
 *
 * @module
 */
export { createAgent, startAgent } from "./src/install/create_agent.ts";
export type { AgentOptions } from "./src/install/options.ts";
export type { AgentConfig, ManagedAgent } from "./src/install/managed_agent.ts";
export type * from "./src/agent/agent_types.ts";
export { isZ4jError, Z4jError } from "./src/base/errors.ts";
