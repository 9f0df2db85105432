/**
 * The engine for plain functions, without a queue library.
 *
 * ```ts
 * import { createAgent } from "@z4j/core";
 * import { manualEngine } from "@z4j/core/engines/manual";
 * import { equal } from "node:assert/strict";
 *
 * const manual = manualEngine();
 * const greet = manual.task("greet", (name: string) => `Hello, ${name}`);
 *
 * const agent = createAgent({ engines: [manual], env: { Z4J_DISABLED: "1" } });
 * await agent.start();
 * equal(await greet("Ada"), "Hello, Ada");
 * await agent.stop();
 * ```
 *
 * @module
 */
export { manualEngine } from "./engine.ts";
export type { ManualEngine, ManualEngineOptions, ManualTaskOptions } from "./options.ts";
export type { Engine, EngineSink } from "../contract.ts";
