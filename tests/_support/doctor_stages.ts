import type { BedAgent, BedBrain } from "./doctor_bed.ts";
import type { CertShop } from "./doctor_certs.ts";
import type { DoctorChildOptions } from "./doctor_child.ts";

/** What a stage has at hand. */
export interface StageBed {
  readonly brain: BedBrain;
  readonly certs: CertShop;
  /** A folder of the stage's own. */
  readonly folder: string;
  /** A fresh agent of the brain; its home is in the folder. */
  agent(): Promise<BedAgent>;
  /** Runs at the end of the stage, the last one first. */
  defer(action: () => unknown): void;
}

/** One staged trouble, and what the doctor must say. */
export interface Stage {
  /** What is wrong. */
  readonly name: string;
  /** Whether it is about a brain, and so runs against both; else once. */
  readonly needsBrain: boolean;
  /** Runtimes and brains where it cannot be, with the reason. */
  readonly only?: {
    readonly runtime?: "deno" | "bun" | "node";
    readonly brain?: BedBrain["kind"];
    /** Node has no means for it: a proxy of our own, a server in this process. */
    readonly not?: "node";
  };
  /** Probe that must tell; `null` for a run without trouble. */
  readonly probe: string | null;
  /** Its code, or those that the brains or systems differ in. */
  readonly code: string | readonly string[] | null;
  /** What the line must say. */
  readonly text: RegExp;
  /** Exit status. */
  readonly exit: 0 | 1;
  /** Brings the trouble about; answers how to run the doctor. */
  set(bed: StageBed): Promise<DoctorChildOptions> | DoctorChildOptions;
}

/** Members that most stages leave as they are. */
export function stage(
  name: string,
  expected: Pick<Stage, "probe" | "code" | "text" | "exit">,
  set: Stage["set"],
  more: Partial<Pick<Stage, "needsBrain" | "only">> = {},
): Stage {
  return { name, needsBrain: false, ...expected, ...more, set };
}

/** A stage about a brain. */
export function brainStage(
  name: string,
  expected: Pick<Stage, "probe" | "code" | "text" | "exit">,
  set: Stage["set"],
  only?: Stage["only"],
): Stage {
  return stage(name, expected, set, { needsBrain: true, ...(only === undefined ? {} : { only }) });
}

/** A failure. */
export function fails(
  probe: string,
  code: string | readonly string[],
  text: RegExp,
): Pick<Stage, "probe" | "code" | "text" | "exit"> {
  return { probe, code, text, exit: 1 };
}

/** A warning, which is no failure. */
export function warns(
  probe: string,
  code: string,
  text: RegExp,
): Pick<Stage, "probe" | "code" | "text" | "exit"> {
  return { probe, code, text, exit: 0 };
}
