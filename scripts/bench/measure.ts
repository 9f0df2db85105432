/** What a measurement says: one JSON line with its figures. */
import process from "node:process";

/** Which runtime a measurement ran on. */
export type RuntimeName = "deno" | "bun";

/** What a figure should be. */
export interface Goal {
  readonly is: "at most" | "at least" | "below";
  readonly value: number;
}

/** One measured quantity over several rounds. */
export interface Figure {
  readonly label: string;
  readonly unit: string;
  readonly goal: Goal | null;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
}

/** The line that a measurement prints. */
export interface Measurement {
  readonly measure: string;
  readonly runtime: RuntimeName;
  readonly version: string;
  readonly measuredAt: string;
  readonly figures: readonly Figure[];
  /** Facts that tell what the figures mean, on any machine. */
  readonly notes: readonly string[];
}

/** Sums up the rounds of one quantity; the goal is for the median. */
export function figure(
  label: string,
  unit: string,
  rounds: readonly number[],
  goal: Goal | null = null,
): Figure {
  const sorted = [...rounds].sort((a, b) => a - b);
  if (sorted.length === 0 || !sorted.every(Number.isFinite)) {
    throw new Error(`Cannot sum up "${label}": its rounds are [${rounds.join(", ")}]`);
  }
  return {
    label,
    unit,
    goal,
    median: median(sorted),
    min: sorted[0] ?? NaN,
    max: sorted.at(-1) ?? NaN,
    rounds: sorted.length,
  };
}

/** Whether the median meets the goal; `null` without one. */
export function isMet({ goal, median }: Figure): boolean | null {
  if (goal === null) return null;
  if (goal.is === "at least") return median >= goal.value;
  return goal.is === "at most" ? median <= goal.value : median < goal.value;
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? NaN) + upper) / 2;
}

/** Prints the line of a measurement. */
export function publish(
  measure: string,
  figures: readonly Figure[],
  notes: readonly string[],
): void {
  const bun = process.versions["bun"];
  const line: Measurement = {
    measure,
    runtime: bun === undefined ? "deno" : "bun",
    version: bun ?? process.versions["deno"] ?? "",
    measuredAt: new Date().toISOString(),
    figures,
    notes,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** CPU time of this process with all its threads, in milliseconds. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** A figure for people: three significant digits. */
export function short(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).replaceAll(",", " ");
}
