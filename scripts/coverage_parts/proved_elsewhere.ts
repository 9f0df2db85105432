/** Branches of a file that its coverage cannot show, and what proves them or keeps them apart. */
export interface ProvedElsewhere {
  readonly file: string;
  /** How many branches of the file stay open for this reason. */
  readonly branches: number;
  readonly reason: string;
}

/** At most ten: a branch belongs in a test, or goes. */
export const PROVED_ELSEWHERE: readonly ProvedElsewhere[] = [
  {
    file: "src/buffer/open.ts",
    branches: 1,
    reason: "runs in a copy whose code is gone: tests/buffer/unreadable_code.test.ts",
  },
  {
    file: "src/buffer/sqlite_bun.ts",
    branches: 1,
    reason: "the driver of Bun, where every test of the buffer uses it",
  },
  {
    file: "src/buffer/sqlite_node.ts",
    branches: 1,
    reason: "another process has to remove a stranger's row between two reads of it",
  },
];

/** What is said of open branches, and which of them nobody explains. */
export function explain(
  open: ReadonlyMap<string, number>,
  proved: readonly ProvedElsewhere[] = PROVED_ELSEWHERE,
): { readonly lines: readonly string[]; readonly unexplained: number } {
  const lines: string[] = [];
  let unexplained = [...open.values()].reduce((sum, count) => sum + count, 0);
  for (const { file, branches, reason } of proved) {
    const count = open.get(file) ?? 0;
    unexplained -= Math.min(count, branches);
    lines.push(
      count < branches
        ? `${file}: ${branches} expected open, ${count} are; take it off the list`
        : `${file}: ${branches} proved elsewhere, ${reason}`,
    );
  }
  return { lines, unexplained };
}
