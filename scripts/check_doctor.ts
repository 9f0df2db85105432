/**
 * The page of the doctor: `docs/doctor.md` lists every code with its remedy,
 * every probe and the text of `--help`, as the code has them; `--fix` writes
 * them. A code that no probe gives is an error as well.
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { CODES } from "../src/doctor/codes.ts";
import { HELP } from "../src/doctor/flags.ts";
import { PROBES } from "../src/doctor/probes/all.ts";
import { report, sourceFiles } from "./gates/source_files.ts";

const PAGE = "docs/doctor.md";
const row = (...cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  help: ["```text", HELP, "```"],
  probes: [
    row("probe", "looks at", "needs"),
    row("---", "---", "---"),
    ...PROBES.map(({ id, title, needs }) => row(`\`${id}\``, title, needs.join(", "))),
  ],
  codes: [
    row("code", "what is the case", "what to do"),
    row("---", "---", "---"),
    ...Object.entries(CODES).map(([code, { meaning, remedy }]) =>
      row(`\`${code}\``, meaning, remedy)
    ),
  ],
};

/** The page with every section as the code has it. */
function generated(page: string): string {
  return Object.entries(SECTIONS).reduce((text, [name, lines]) => {
    const pattern = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- /${name} -->)`);
    return text.replace(
      pattern,
      (_, open: string, close: string) => `${open}\n${lines.join("\n")}\n\n${close}`,
    );
  }, page);
}

const findings: string[] = [];
const page = readFileSync(PAGE, "utf8");
const fresh = generated(page);
for (const name of Object.keys(SECTIONS)) {
  if (!page.includes(`<!-- ${name} -->`)) findings.push(`${PAGE}: has no section ${name}`);
}
if (process.argv.includes("--fix")) writeFileSync(PAGE, fresh);
// The formatter pads the columns of tables, which changes nothing for readers.
else if (plain(fresh) !== plain(page)) {
  findings.push(`${PAGE}: differs from the code, run with --fix`);
}

const used = sourceFiles("src/doctor").filter(({ path }) => !path.endsWith("/codes.ts"))
  .map(({ text }) => text).join("\n");
for (const code of Object.keys(CODES)) {
  if (!used.includes(`"${code}"`)) findings.push(`src/doctor: no probe gives ${code}`);
}

function plain(text: string): string {
  return text.replaceAll(/ {2,}/g, " ").replaceAll(/-{3,}/g, "---");
}

process.exitCode = report("doctor", findings, `(${Object.keys(CODES).length} codes)`);
