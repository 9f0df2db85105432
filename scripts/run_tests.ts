/**
 * Runs the one suite on Deno, on Bun and, without brain and doctor, on Node 24,
 * and adds up the account.
 *
 *     run_tests.ts [--only deno|bun|node] [--strict] [--also NAME:STATUS] [paths...]
 *
 * `--strict` (what CI asks for) turns every skip into a failure. `--also` adds a
 * check that ran before, by its exit status. The last line is `N passed, N failed`.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string" },
    strict: { type: "boolean", default: false },
    also: { type: "string", multiple: true, default: [] },
  },
});

interface Account {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

const paths = positionals.length > 0 ? positionals : ["tests"];
const folder = mkdtempSync(join(tmpdir(), "z4j-tests-"));

// What runs on Node as well: the agent with its engines and schedulers. Files of
// other folders need the embedded brain, or belong to one runtime.
const NODE_FOLDERS = [
  "agent",
  "buffer",
  "contract",
  "engines",
  "faults",
  "install",
  "lifecycle",
  "platform",
  "presence",
  "protocol",
  "redaction",
  "runtime/node",
  "schedulers",
  "settings",
  "transport",
  "web",
].map((folder) => `tests/${folder}/`);

// Node takes a CA and a proxy from its own environment variables alone.
const NOT_ON_NODE: ReadonlySet<string> = new Set(["tests/transport/network.test.ts"]);

/** The test files below the paths that Node runs; the others belong to one runtime. */
function nodeFiles(): string[] {
  return paths.flatMap((path) => {
    const all = statSync(path).isFile()
      ? [path]
      : readdirSync(path, { recursive: true }).map((name) => join(path, String(name)));
    return all.filter((file) =>
      file.endsWith(".test.ts") && !NOT_ON_NODE.has(file) &&
      (file === "tests/vectors.test.ts" || NODE_FOLDERS.some((folder) => file.startsWith(folder)))
    );
  }).sort();
}

// A report of JUnit, the one format that all runners write.
const RUNNERS = {
  deno: (
    junit: string,
  ): string[] => ["test", "-A", "--no-check", `--junit-path=${junit}`, ...paths],
  bun: (junit: string): string[] => [
    "test",
    "--timeout=120000",
    "--reporter=junit",
    `--reporter-outfile=${junit}`,
    ...paths.map((path) => `./${path}`),
  ],
  node: (junit: string): string[] => [
    "--disable-warning=ExperimentalWarning",
    "--test",
    "--test-timeout=120000",
    "--test-concurrency=3",
    "--test-reporter=dot",
    "--test-reporter-destination=stdout",
    "--test-reporter=junit",
    `--test-reporter-destination=${junit}`,
    ...nodeFiles(),
  ],
} as const;

const COMMANDS = {
  deno: "node_modules/.bin/deno",
  bun: "node_modules/.bin/bun",
  node: process.env["NODE_24"] ?? "node",
} as const;

/** Runs a command with its output on ours; answers its exit status. */
function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
    child.on("close", (code) => resolve(code ?? 1));
    child.on("error", () => resolve(1));
  });
}

/** Reads a JUnit report: test cases, failures, skips. */
function readReport(path: string): Account {
  if (!existsSync(path)) return { passed: 0, failed: 1, skipped: [] };
  const cases = readFileSync(path, "utf8").match(/<testcase\b[^>]*?(?:\/>|>[\s\S]*?<\/testcase>)/g);
  const failed = (cases ?? []).filter((text) => /<(failure|error)\b/.test(text));
  const skipped = (cases ?? []).filter((text) => /<skipped\b/.test(text));
  const names = skipped.map((text) => /\bname="([^"]*)"/.exec(text)?.[1] ?? "?");
  const total = cases?.length ?? 0;
  return { passed: total - failed.length - skipped.length, failed: failed.length, skipped: names };
}

async function runOn(runtime: keyof typeof RUNNERS): Promise<Account> {
  console.log(`\n== ${runtime}: ${paths.join(" ")}`);
  const junit = join(folder, `${runtime}.xml`);
  const status = await run(COMMANDS[runtime], RUNNERS[runtime](junit));
  const account = readReport(junit);
  // A crash outside any test must not pass as green.
  return status !== 0 && account.failed === 0 ? { ...account, failed: 1 } : account;
}

const runtimes = (["deno", "bun", "node"] as const)
  .filter((name) => (values.only ?? name) === name)
  .filter((name) => name !== "node" || nodeFiles().length > 0);
let passed = 0;
let failed = 0;
for (const runtime of runtimes) {
  const account = await runOn(runtime);
  for (const name of account.skipped) console.log(`${runtime}: skipped ${name}`);
  const refused = values.strict ? account.skipped.length : 0;
  if (refused > 0) console.log(`${runtime}: ${refused} skipped, expected none`);
  console.log(`${runtime}: ${account.passed} passed, ${account.failed} failed`);
  passed += account.passed;
  failed += account.failed + refused;
}
for (const check of values.also) {
  const isGood = check.endsWith(":0");
  console.log(`${check.replace(/:\d+$/, "")}: ${isGood ? "passed" : "failed"}`);
  if (isGood) passed += 1;
  else failed += 1;
}
rmSync(folder, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
