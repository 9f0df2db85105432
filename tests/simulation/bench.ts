import { createRedactor } from "../../src/redaction/redactor.ts";
import { openBrainDisk } from "./brain_node.ts";
import type { Bench } from "./cluster.ts";

/** Opens what all schedules of a process share. */
export async function openBench(): Promise<Bench> {
  // Read at the first dial: a file comes at a moment that no seed repeats.
  await import("../../src/agent/session.ts");
  return { db: await openBrainDisk(), redactor: createRedactor(), visits: {} };
}
