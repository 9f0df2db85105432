/** The version of this package; `scripts/check_versions.ts` keeps it in step. */
export const VERSION = "0.1.0" as const;
