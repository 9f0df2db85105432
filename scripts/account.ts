/**
 * Writes `docs/reliability.md` from the accounts that the scripts left below
 * `docs/account`; with `--check` it only tells whether the page is what it would write.
 *
 *     account.ts [--check]
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { complaintOf, readBugs } from "./account_parts/bugs.ts";
import { readAccount } from "./account_parts/json.ts";
import { page, pathOf, type Proof } from "./account_parts/page.ts";
import { sourcesOf } from "./account_parts/sources.ts";
import { report } from "./gates/source_files.ts";

const PATH = "docs/reliability.md";
const FOLDER = "docs/account";
const NOT_PROMISED = `${FOLDER}/not_promised.md`;

/** As the formatter of the repository leaves it, or its check would complain. */
function formatted(text: string): string {
  const args = ["fmt", "--ext", "md", "-"];
  return execFileSync("node_modules/.bin/deno", args, { input: text, encoding: "utf8" });
}

const names = readdirSync(FOLDER).filter((name) => name.endsWith(".json"))
  .map((name) => name.slice(0, -".json".length));
const proofs: readonly Proof[] = sourcesOf(names).map((source) => ({
  source,
  account: readAccount(pathOf(source)),
}));
const bugs = readBugs(`${FOLDER}/bugs`);
const findings = bugs.map(complaintOf).filter((text) => text !== null);
const wanted = formatted(page(proofs, bugs, readFileSync(NOT_PROMISED, "utf8")));
if (process.argv.includes("--check")) {
  const found = existsSync(PATH) ? readFileSync(PATH, "utf8") : "";
  if (found !== wanted) {
    findings.push(`${PATH}: is not what docs/account says, run "deno task account" and commit it`);
  }
} else {
  writeFileSync(PATH, wanted);
}
const run = proofs.filter(({ account }) => account !== null).length;
process.exitCode = report(
  "account",
  findings,
  `(${run} of ${proofs.length} proofs, ${bugs.length} bugs)`,
);
