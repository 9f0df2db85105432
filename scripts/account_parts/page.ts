import { join } from "node:path";
import type { Bug } from "./bugs.ts";
import { at, type JsonObject } from "./json.ts";
import { cell, markdownTable, renderAccount } from "./render.ts";
import type { Source } from "./sources.ts";

const HEAD = `# Reliability: the account

<!-- Written by "deno task account" from docs/account; do not edit by hand. -->

What was tried, how often, and what came of it. [delivery.md](delivery.md) says what is promised; this
page counts the attempts to break it. Every figure is from a file below \`docs/account\` that the named
command wrote on 2 shared cores; the same seed makes the same choices. \`deno task account\` writes the
page from these files, and \`deno task check\` fails when it differs.`;

/** One proof with what its script wrote; `null` when it did not run. */
export interface Proof {
  readonly source: Source;
  readonly account: JsonObject | null;
}

/** The page before the formatter. */
export function page(proofs: readonly Proof[], bugs: readonly Bug[], notPromised: string): string {
  return [
    HEAD,
    "## All proofs",
    markdownTable(["proof", "holds", "figures", "seed", "minutes"], proofs.map(summary)),
    "## Bugs found and mended",
    bugs.length === 0 ? "None yet." : bugTable(bugs),
    "## Not promised",
    notPromised.trim(),
    ...proofs.flatMap(section),
  ].join("\n\n");
}

function bugTable(bugs: readonly Bug[]): string {
  return [
    `${bugs.length} bugs of the library were found by these proofs and mended, each with a test that failed before.`,
    markdownTable(
      ["area", "what went wrong", "mended", "test"],
      bugs.map(({ area, bug, mended, test }) => [area, bug, mended, test]),
    ),
  ].join("\n\n");
}

function summary({ source, account }: Proof): string[] {
  const title = `[${source.title}](#${source.title.toLowerCase().replaceAll(" ", "-")})`;
  if (account === null) return [title, "not run", "–", "–", "–"];
  const figures = source.figures.flatMap(([path, words]) => {
    const value = at(account, path);
    return value === undefined || Array.isArray(value) ? [] : [`${cell(value)} ${words}`];
  });
  return [
    title,
    cell(account["holds"] ?? account["ok"]),
    figures.join(", "),
    cell(account["seed"] ?? at(account, "options.seed")),
    cell(minutesOf(account)),
  ];
}

function minutesOf(account: JsonObject): number | undefined {
  const { minutes, seconds } = account;
  const value = typeof minutes === "number"
    ? minutes
    : typeof seconds === "number"
    ? seconds / 60
    : Number(at(account, "options.minutes") ?? NaN);
  return Number.isFinite(value) ? Math.round(value * 10) / 10 : undefined;
}

function section({ source, account }: Proof): string[] {
  return [
    `## ${source.title}`,
    source.about,
    `\`${source.command}\`${account === null ? ": not run yet." : ""}`,
    ...(account === null ? [] : [renderAccount(account)]),
  ].filter((text) => text !== "");
}

/** Where the account of a source lies. */
export function pathOf({ name }: Source): string {
  return join("docs", "account", `${name}.json`);
}
