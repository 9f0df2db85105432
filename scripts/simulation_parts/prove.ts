import { FAULTS } from "../planted_faults_parts/all.ts";
import type { PlacedFault } from "../planted_faults_parts/fault.ts";
import { TreeCopy } from "../planted_faults_parts/trial.ts";
import { runShare } from "./run_share.ts";

// Each needs another part of the model to be noticed.
const PLANTED = [
  "delete-before-ack",
  "no-resend-in-next-session",
  "command-run-twice",
  "silent-peer-trusted",
  "ack-before-commit",
  "refused-group-dropped",
] as const;
const MOST_SCHEDULES = 1000;

/** One planted fault, and the schedule that noticed it; `null` when none did. */
export interface Proved {
  readonly fault: string;
  readonly schedule: number | null;
  readonly violation: string | null;
}

/** Plants faults in a copy of the tree, one at a time, and looks for each with some schedules. */
export async function prove(seed: number, tell: (proved: Proved) => void): Promise<boolean> {
  const copy = new TreeCopy();
  let found = 0;
  try {
    for (const id of PLANTED) {
      const fault = FAULTS.find((one) => one.id === id);
      if (fault === undefined) throw new Error(`Cannot plant ${id}: it is in no list`);
      const proved = await proveOne(copy, fault, seed);
      tell(proved);
      if (proved.schedule !== null) found++;
    }
  } finally {
    copy.remove();
  }
  return found === PLANTED.length;
}

async function proveOne(copy: TreeCopy, fault: PlacedFault, seed: number): Promise<Proved> {
  const share = { seed, from: 0, until: MOST_SCHEDULES, endsAtMs: null, stopsAtFirst: true };
  const { broken } = await copy.planted(fault, (root) => runShare(share, root));
  const first = broken[0];
  return {
    fault: fault.id,
    schedule: first?.schedule ?? null,
    violation: first?.violations[0] ?? null,
  };
}
