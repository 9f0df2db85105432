/**
 * The agent from parts: bring your own buffer, transport, clock and redactor.
 * Most processes use `createAgent()` of `@z4j/core` instead.
 *
 * ```ts no-eval
 * import { createAgentCore } from "@z4j/core/agent";
 * import { openBuffer } from "@z4j/core/buffer";
 *
 * const agent = createAgentCore({
 *   identity,
 *   secret,
 *   transport,
 *   redactor,
 *   openBuffer: () => openBuffer({ path: null }),
 * });
 * ```
 *
 * @module
 */
export { createAgentCore } from "./agent.ts";
export type * from "./agent_types.ts";
