import { createRedactor } from "../../src/redaction/redactor.ts";
import { openBrainDisk } from "./brain_node.ts";
import type { Bench } from "./cluster.ts";

/** Opens what all schedules of a process share. */
export async function openBench(): Promise<Bench> {
  return { db: await openBrainDisk(), redactor: createRedactor(), visits: {} };
}
