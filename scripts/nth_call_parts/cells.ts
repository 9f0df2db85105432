import { existsSync, readFileSync } from "node:fs";
import { sumOf } from "../account_parts/tell.ts";
import type { Fault, Host, Runtime } from "./fault.ts";
import type { Verdict } from "./judge.ts";

/** Sums over the faults of one host on one runtime. */
export interface Cell {
  readonly host: Host;
  readonly runtime: Runtime;
  readonly points: number;
  runs: number;
  injected: number;
  powerCuts: number;
  promised: number;
  countedLost: number;
  countedButThere: number;
  lost: number;
  broken: number;
}

/** Losses of hosts that sync too little. */
export interface Controls {
  readonly runs: number;
  readonly lost: readonly number[];
}

/** What an earlier run kept. */
export interface Kept {
  readonly minutes: number;
  readonly controls: Controls;
  readonly found: readonly Cell[];
}

/** A cell in which nothing ran yet. */
export function emptyCell(
  host: Host,
  runtime: Runtime,
  counts: Readonly<Record<string, number>>,
): Cell {
  const points = sumOf(Object.values(counts), (count) => count);
  const none = { runs: 0, injected: 0, powerCuts: 0, promised: 0, countedLost: 0 };
  return { host, runtime, points, ...none, countedButThere: 0, lost: 0, broken: 0 };
}

/** Adds what one fault came to. */
export function addVerdict(cells: readonly Cell[], fault: Fault, verdict: Verdict): void {
  const cell = cells.find((one) => isOf(fault, one));
  if (cell === undefined) return;
  cell.runs++;
  cell.injected += verdict.injected;
  cell.powerCuts += verdict.powerCuts;
  cell.promised += verdict.promised;
  cell.countedLost += verdict.counted;
  cell.countedButThere += verdict.countedButThere;
  cell.lost += verdict.lost;
  if (verdict.broken.length > 0) cell.broken++;
}

/** What a file says about the kinds of process that did not run now. */
export function keptBeside(cells: readonly Cell[], path: string | undefined): Kept | null {
  if (path === undefined || !existsSync(path)) return null;
  const { minutes, controls, found } = JSON.parse(readFileSync(path, "utf8")) as Kept;
  const others = found.filter((one) => !cells.some((cell) => isOf(cell, one)));
  return { minutes, controls, found: others };
}

/** The sums over all cells. */
export function totalsOf(cells: readonly Cell[]): Record<string, number> & { broken: number } {
  const sum = (of: (cell: Cell) => number): number => sumOf(cells, of);
  return {
    points: sum(({ points }) => points),
    runs: sum(({ runs }) => runs),
    calls: sum(({ injected }) => injected),
    powerCuts: sum(({ powerCuts }) => powerCuts),
    promised: sum(({ promised }) => promised),
    lost: sum(({ lost }) => lost),
    broken: sum(({ broken }) => broken),
  };
}

interface Kind {
  readonly host: Host;
  readonly runtime: Runtime;
}

function isOf(one: Kind, other: Kind): boolean {
  return one.host === other.host && one.runtime === other.runtime;
}
