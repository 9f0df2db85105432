import { isZ4jError, Z4jError } from "../base/errors.ts";

// Primary result codes that blame the data: TOOBIG, CONSTRAINT, MISMATCH, RANGE.
const CONTENT_CODES: ReadonlySet<number> = new Set([18, 19, 20, 25]);

/** Whether SQLite refused the values, as opposed to being in trouble itself. */
export function isContentError(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return true;
  if (!(error instanceof Error)) return false;
  // node:sqlite says `errcode`, bun:sqlite says `errno`.
  const { errcode, errno } = error as { errcode?: unknown; errno?: unknown };
  const code = typeof errcode === "number" ? errcode : errno;
  return typeof code === "number" && CONTENT_CODES.has(code & 0xff);
}

/** The failure of opening a brain on a disk in trouble; a failure of ours passes as it is. */
export function storeError(path: string, cause: unknown): Z4jError {
  if (isZ4jError(cause)) return cause;
  return new Z4jError("Z4J_BRAIN_STORE", `Cannot open brain database: ${path} is not usable`, {
    cause,
  });
}
