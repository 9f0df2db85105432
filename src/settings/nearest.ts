/**
 * The candidate that a mistyped name most likely means, or `null` when none
 * is near. Case and separators do not count, so `brain_url` finds `brainUrl`.
 */
export function nearestName(name: string, candidates: readonly string[]): string | null {
  const wanted = normalise(name).slice(0, MAX_CHARS);
  let best: string | null = null;
  let bestDistance = 1 + Math.min(MAX_DISTANCE, Math.floor(wanted.length / 3));
  for (const candidate of candidates) {
    const distance = editDistance(wanted, normalise(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

// Four edits still read as a slip; more is another word.
const MAX_DISTANCE = 4;
// Names are at most half as long; a longer one is near nothing.
const MAX_CHARS = 80;

function normalise(name: string): string {
  return name.replace(/[_\-.\s]/g, "").toLowerCase();
}

/** Edits between two texts; swapping two neighbours is one edit. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row.push(cell(a, b, { i, j }, [before, last, row]));
    }
    [before, last] = [last, row];
  }
  return at(last, b.length);
}

function cell(
  a: string,
  b: string,
  { i, j }: { readonly i: number; readonly j: number },
  [before, last, row]: readonly [readonly number[], readonly number[], readonly number[]],
): number {
  const same = a[i - 1] === b[j - 1] ? 0 : 1;
  const cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + same);
  const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
  return swapped ? Math.min(cost, at(before, j - 2) + 1) : cost;
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
