/**
 * The engine for plain functions, without a queue library.
 *
 * @module
 */
export { manualEngine } from "./engine.ts";
export type { ManualEngine, ManualEngineOptions, ManualTaskOptions } from "./options.ts";
export type { Engine, EngineSink } from "../contract.ts";
