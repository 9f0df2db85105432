/** Prints measurements for people. */
import { type Figure, type Goal, isMet, type Measurement, short } from "./measure.ts";

const SIGN: Readonly<Record<Goal["is"], string>> = { "at most": "≤", "at least": "≥", below: "<" };
const HEAD = ["", "median", "min", "max", "unit", "goal", ""] as const;

/** The verdict on a figure; empty without a goal. */
export function verdict(figure: Figure): "" | "met" | "missed" {
  const met = isMet(figure);
  return met === null ? "" : met ? "met" : "missed";
}

/** One measurement: a heading, a line for each figure, the notes. */
export function tableOf({ measure, runtime, version, figures, notes }: Measurement): string {
  const rows = [HEAD, ...figures.map(rowOf)];
  const widths = HEAD.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length))
  );
  const lines = rows.map((row) =>
    `  ${row.map((cell, i) => pad(cell, i, widths[i] ?? 0)).join("  ")}`
  );
  const heading = `\n${measure} on ${runtime} ${version} (${figures[0]?.rounds ?? 0} rounds)`;
  return [heading, ...lines.map((line) => line.trimEnd()), ...notes.map((note) => `  - ${note}`)]
    .join("\n");
}

function rowOf(figure: Figure): readonly string[] {
  const { label, unit, goal, median, min, max } = figure;
  const wanted = goal === null ? "" : `${SIGN[goal.is]} ${shortGoal(goal.value)}`;
  return [label, short(median), short(min), short(max), unit, wanted, verdict(figure)];
}

function shortGoal(value: number): string {
  return value >= 1000 ? short(value) : String(value);
}

// Numbers stand under each other by their last digit, texts by their first.
function pad(cell: string, column: number, width: number): string {
  return column >= 1 && column <= 3 ? cell.padStart(width) : cell.padEnd(width);
}
