import assert from "node:assert/strict";
import type { StockBrain } from "./stock_brain.ts";

/** What tells one schedule of the stock brain's own scheduler from another. */
export interface StockSchedule {
  readonly name: string;
  readonly engine: string;
  readonly task_name: string;
  readonly queue?: string;
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** Seconds between two runs. Default: a day. */
  readonly expression?: string;
}

/** Makes a schedule that runs once a day by default, so in a test when it is triggered; answers its id. */
export async function createStockSchedule(
  brain: Pick<StockBrain, "post">,
  schedule: StockSchedule,
): Promise<string> {
  const { status, body } = await brain.post("schedules", {
    kind: "interval",
    expression: "86400",
    timezone: "UTC",
    args: [],
    kwargs: {},
    is_enabled: true,
    scheduler: "z4j-scheduler",
    ...schedule,
  });
  assert.equal(status, 201, JSON.stringify(body));
  return (body as { readonly id: string }).id;
}
