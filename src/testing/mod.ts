/**
 * Contract suites and doubles for your own stores, engines and schedulers.
 *
 * ```ts
 * import { describe, it } from "node:test";
 * import { createMemoryStore } from "@z4j/core/buffer";
 * import { testEventStore } from "@z4j/core/testing";
 *
 * export function checkMyStore(): void {
 *   testEventStore("mine", (limits) => ({ store: createMemoryStore(limits) }), { describe, it });
 * }
 * ```
 *
 * @module
 */
export {
  type ContractRunner,
  type StoreFactory,
  type StoreHandle,
  testEventStore,
} from "./buffer_contract.ts";
export {
  type EngineTestBed,
  type EngineTestJob,
  type EngineTestRunner,
  testEngine,
} from "./engine_contract.ts";
export {
  type BrainFaults,
  type CommandInput,
  type FakeBrain,
  type FakeBrainOptions,
  type ReceivedFrame,
  startFakeBrain,
} from "./fake_brain.ts";
export type { AckFault } from "./fake_brain_acks.ts";
export { createFakeClock, type FakeClock } from "./fake_clock.ts";
export {
  type SchedulerFixture,
  type SchedulerTestRunner,
  testScheduler,
} from "./scheduler_contract.ts";
export type { CancelTimer, Clock } from "../base/clock.ts";
export type { EventStore } from "../buffer/port.ts";
export type {
  RequestFacts,
  ServeOptions,
  Server,
  ServerSocket,
  ServerSocketHandlers,
  StartServer,
} from "../platform/serve_port.ts";
export type { Engine } from "../engines/contract.ts";
export type { Scheduler } from "../schedulers/contract.ts";
