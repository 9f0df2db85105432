/**
 * Writes `docs/configuration.md` from the settings table; with `--check` it only
 * tells whether the file is what it would write.
 *
 *     configuration.ts [--check]
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { type SettingRow, settingsTable } from "../src/settings/table.ts";
import { report } from "./gates/source_files.ts";

const PATH = "docs/configuration.md";

const HEAD = `# Configuration

<!-- Written by scripts/configuration.ts from src/settings/table.ts; do not edit by hand. -->

Every setting has an option in code and a variable. Strongest first: a \`Z4J_*\` variable that is set
and not empty, the file that a \`*_FILE\` variable names, the option, the default. Everything that is
wrong is told at once, without values; the process then runs on without an agent, or, with
\`strictMode\`, \`createAgent()\` throws. Unknown options are refused, unknown \`Z4J_*\` variables are
told. \`agent.config()\` shows every value that is in force with its source (\`env\`, \`file\`, \`option\`,
\`default\`) and the name it came from; secrets are shown as \`[set]\`.

\`\`\`ts
import { createAgent } from "@z4j/core";

const agent = createAgent({
  brainUrl: "https://tasks.example.com",
  projectId: "shop",
  capture: { result: false },
  commands: { deny: ["purge_queue"] },
});
console.log(agent.config()?.captureResult); // { value: false, source: "option", from: "capture.result" }
\`\`\`
`;

interface Group {
  readonly title: string;
  readonly text: string;
  readonly keys: readonly string[];
}

const GROUPS: readonly Group[] = [
  {
    title: "Connection",
    text: "Brain URL, token, secret and project are all that an agent needs.",
    keys: ["brainUrl", "token", "hmacSecret", "projectId", "agentId", "transport", "ca", "proxy"],
  },
  {
    title: "This process",
    text: "",
    keys: ["agentName", "workerRole", "environment", "tags", "home", "logLevel"],
  },
  {
    title: "Life cycle",
    text: "",
    keys: ["autostart", "disabled", "strictMode", "devMode"],
  },
  {
    title: "Privacy",
    text:
      `What is switched off or redacted never reaches the buffer, so it is not on the disk either.
In order: the switches of \`capture\`, the built-in rules with \`redactPaths\` and the extra patterns,
then the option \`redact\`, a function in code. See [privacy.md](privacy.md); \`agent.preview()\` shows
what would leave the process.`,
    keys: [],
  },
  {
    title: "Command policy",
    text:
      `What this process refuses whatever a brain asks for, so that a stolen dashboard cannot do it.
A rule is an action, or an action with patterns: \`purge_queue\`, \`retry_task queue=mail*\`,
\`* worker=batch-*\`. See [privacy.md](privacy.md).`,
    keys: ["commandsAllow", "commandsDeny", "readOnly", "purgeThreshold"],
  },
  { title: "Buffer", text: "", keys: [] },
  { title: "Others", text: "", keys: [] },
];

const PRIVACY = /^(redact|capture|queuePrivacy|maxPayload)/;
const BUFFER = /^(buffer|durability)/;

/** The group of a setting; what no group claims goes to the last. */
function groupOf(key: string): string {
  if (PRIVACY.test(key)) return "Privacy";
  if (BUFFER.test(key)) return "Buffer";
  return GROUPS.find(({ keys }) => keys.includes(key))?.title ?? "Others";
}

function boundsOf({ min, max, unit, kind }: SettingRow): string {
  if (kind === "integer") {
    const top = max === null ? `at least ${min}` : `${min} to ${max}`;
    return `${top}${unit === null ? "" : ` ${unit}`}`;
  }
  return max === null ? "" : `up to ${max} ${unit ?? ""}`.trim();
}

function formOf(row: SettingRow): string {
  const { kind, choices } = row;
  const form = choices === null ? kind : choices.map((choice) => `\`${choice}\``).join(", ");
  return [form, boundsOf(row)].filter((part) => part !== "").join(", ");
}

function defaultOf({ required, defaultText }: SettingRow): string {
  if (required) return "**required**";
  return defaultText === null ? "none" : `\`${defaultText}\``;
}

function rowsOf(title: string): string[][] {
  return settingsTable().filter(({ key }) => groupOf(key) === title).map((row) => {
    const env = row.fileEnv === null ? `\`${row.env}\`` : `\`${row.env}\`, \`${row.fileEnv}\``;
    const cells = [`\`${row.option}\``, env, formOf(row), defaultOf(row), row.meaning];
    return cells.map((cell) => cell.replaceAll("|", "\\|"));
  });
}

function table(rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const head = ["option", "variable", "form", "default", "meaning"];
  return [head, head.map(() => "---"), ...rows].map(line).join("\n");
}

/** As the formatter of the repository leaves it, or its check would complain. */
function formatted(text: string): string {
  const args = ["fmt", "--ext", "md", "-"];
  return execFileSync("node_modules/.bin/deno", args, { input: text, encoding: "utf8" });
}

function page(): string {
  const sections = GROUPS.flatMap(({ title, text }) => {
    const rows = rowsOf(title);
    if (rows.length === 0) return [];
    return [`## ${title}`, ...(text === "" ? [] : [text]), table(rows)];
  });
  return `${[HEAD.trimEnd(), ...sections].join("\n\n")}\n`;
}

const wanted = formatted(page());
if (process.argv.includes("--check")) {
  let found = "";
  try {
    found = readFileSync(PATH, "utf8");
  } catch {
    // A missing file is as wrong as an old one.
  }
  const findings = found === wanted ? [] : [`${PATH}: is not what the table says, run this script`];
  process.exitCode = report("configuration", findings, `(${settingsTable().length} settings)`);
} else {
  writeFileSync(PATH, wanted);
}
