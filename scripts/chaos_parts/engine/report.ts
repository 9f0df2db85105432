import type { EngineChaosReport } from "./run.ts";

/** The account of a run for people. */
export function engineTable(report: EngineChaosReport): string {
  const { account, options, deeds, gaps, accidents, seconds, folder } = report;
  const rows: readonly (readonly [string, string | number])[] = [
    ["seed", options.seed],
    ["runtimes", options.runtimes.join(", ")],
    ["jobs", account.jobs],
    ["  completed", account.completed],
    ["  failed", account.failed],
    ["events in the brain", account.events],
    ["WRONG final state", account.wrong.length],
    ["DOUBLED events", account.doubled.length],
    ["MISSING events", account.missing.length],
    ["gaps announced", gaps.length],
    ["accidents", accidents.length],
    ["seconds", seconds],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const found = [...account.wrong, ...account.doubled, ...account.missing].slice(0, 12);
  return [
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    ...deeds.map((deed) => `  - ${deed}`),
    ...[...gaps, ...accidents, ...found].map((text) => `  ! ${text}`),
    ...(folder === null ? [] : [`  kept: ${folder}`]),
  ].join("\n");
}

/** The account for programs. */
export function engineFacts(report: EngineChaosReport): object {
  const { account, ...rest } = report;
  const { wrong, doubled, missing, ...counts } = account;
  return {
    ...rest,
    account: {
      ...counts,
      ...{ wrong: wrong.length, doubled: doubled.length, missing: missing.length },
    },
  };
}
