export { createFakeClock } from "../../src/testing/fake_clock.ts";
export type { FakeClock } from "../../src/testing/fake_clock.ts";
