import type { ChaosReport } from "./run.ts";

/** The account for people. */
export function table(report: ChaosReport): string {
  const { account, kills, points, connections, options } = report;
  const { broken } = account;
  const rows: [string, string | number][] = [
    ["seed", options.seed],
    ["brain", options.brain],
    ["writers", options.variants.join(", ")],
    ...(options.plant === undefined ? [] : [["planted fault", options.plant] as [string, string]]),
    ["kills", kills.agent + kills.brain],
    ["  of agents", kills.agent],
    ["  of the brain", kills.brain],
    ...Object.entries(points).sort().map(([name, count]): [string, number] => [`  ${name}`, count]),
    ...Object.entries(connections)
      .map(([name, count]): [string, number] => [`connections, ${name}`, count]),
    ["recorded", account.recorded],
    ["resolved (on disk)", account.resolved],
    ["in the brain", account.stored],
    ["resolved, exactly once, same digest", account.delivered],
    ["never resolved, arrived", account.unresolvedDelivered],
    ["never resolved, gone with their process", account.unresolvedGone],
    ["lost with a counted reason", account.countedLoss],
    ...Object.entries(account.losses)
      .map(([name, count]): [string, number] => [`  counted: ${name}`, count]),
    ["LOST", broken.lost.length],
    ["DOUBLED", broken.doubled.length],
    ["ALTERED", broken.altered.length],
    ["PHANTOM", broken.phantom.length],
    ["AMBIGUOUS", broken.ambiguous.length],
    ["still waiting in a buffer", report.waiting],
    ["files left in the agents' home", report.files],
    ["accidents", report.accidents.length],
    ["seconds", report.seconds],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  return [...lines, ...report.accidents.map((text) => `  ! ${text}`), ...examples(report)]
    .join("\n");
}

/** The account for programs. */
export function facts(report: ChaosReport): object {
  const { account: { broken, ...account }, options, ...rest } = report;
  const counts = Object.fromEntries(
    Object.entries(broken).map(([name, ids]) => [name, ids.length]),
  );
  return { ...options, ...rest, account: { ...account, ...counts } };
}

function examples({ account: { broken }, folder }: ChaosReport): string[] {
  const lines = Object.entries(broken).filter(([, ids]) => ids.length > 0)
    .map(([name, ids]) => `  ! ${name}: ${ids.slice(0, 8).join(" ")}`);
  return folder === null ? lines : [...lines, `  kept: ${folder}`];
}
