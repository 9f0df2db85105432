import { member } from "../facts.ts";

/** Whether jobs with these options vanish when they fail, so that nothing can be retried. */
export function keepsNoFailures(options: unknown): boolean {
  const keep = member(options, "removeOnFail");
  return keep === true || keep === 0 || member(keep, "count") === 0;
}
