/** What was run of one file; `null` where a runtime does not measure it. */
export interface FileCoverage {
  readonly file: string;
  readonly lines: Share;
  readonly branches: Share | null;
  /** Lines with a branch that was never taken. */
  readonly openBranches: readonly number[];
}

/** How many of how many. */
export interface Share {
  readonly hit: number;
  readonly found: number;
}

/** Reads a report in lcov's format; paths are told from the root of the repository. */
export function readLcov(text: string, root: string): readonly FileCoverage[] {
  return text.split("end_of_record").flatMap((record) => {
    const path = /^SF:(.+)$/m.exec(record)?.[1];
    if (path === undefined) return [];
    const number = (name: string): number | null => {
      const found = new RegExp(`^${name}:(\\d+)$`, "m").exec(record)?.[1];
      return found === undefined ? null : Number(found);
    };
    const branches = number("BRF");
    const open = [...record.matchAll(/^BRDA:(\d+),\d+,\d+,(?:0|-)$/gm)].map((one) =>
      Number(one[1])
    );
    return [{
      file: path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path,
      lines: { hit: number("LH") ?? 0, found: number("LF") ?? 0 },
      branches: branches === null ? null : { hit: number("BRH") ?? 0, found: branches },
      openBranches: [...new Set(open)].sort((a, b) => a - b),
    }];
  });
}

/** All files of a folder together. */
export function sumOf(files: readonly FileCoverage[]): Omit<FileCoverage, "file" | "openBranches"> {
  const add = (shares: readonly Share[]): Share => ({
    hit: shares.reduce((sum, { hit }) => sum + hit, 0),
    found: shares.reduce((sum, { found }) => sum + found, 0),
  });
  const branches = files.flatMap((one) => one.branches === null ? [] : [one.branches]);
  return {
    lines: add(files.map((one) => one.lines)),
    branches: branches.length === 0 ? null : add(branches),
  };
}

/** A share in percent, with one digit; `null` when nothing was measured. */
export function percent(share: Share | null): number | null {
  if (share === null) return null;
  return share.found === 0 ? 100 : Math.round(share.hit / share.found * 1000) / 10;
}
