/**
 * Runs the one suite on Deno, on Bun and, without brain and doctor, on Node 24,
 * and adds up the account. Deno and Bun run side by side, since most tests wait
 * for processes and deadlines; Node, which runs files at once, comes after them.
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

const onNode = nodeFiles();

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
    ...onNode,
  ],
} as const;

const COMMANDS = {
  deno: "node_modules/.bin/deno",
  bun: "node_modules/.bin/bun",
  node: process.env["NODE_24"] ?? "node",
} as const;

/** Runs a command; answers its exit status. */
function run(command: string, args: readonly string[], output: HeldOutput): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", (chunk: Uint8Array) => output.write(chunk));
    child.stderr.on("data", (chunk: Uint8Array) => output.write(chunk));
    child.on("close", (code) => resolve(code ?? 1));
    child.on("error", () => resolve(1));
  });
}

/** Output of a run that waits for its turn, so that two runs do not mix. */
class HeldOutput {
  readonly #held: Uint8Array[] = [];
  #isOpen = false;

  write(chunk: Uint8Array): void {
    if (this.#isOpen) process.stdout.write(chunk);
    else this.#held.push(chunk);
  }

  /** Prints what came, and from here on what comes. */
  open(): void {
    this.#isOpen = true;
    for (const chunk of this.#held.splice(0)) process.stdout.write(chunk);
  }
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

type RuntimeName = keyof typeof RUNNERS;

async function runOn(runtime: RuntimeName, output: HeldOutput): Promise<Account> {
  const junit = join(folder, `${runtime}.xml`);
  const status = await run(COMMANDS[runtime], RUNNERS[runtime](junit), output);
  const account = readReport(junit);
  // A crash outside any test must not pass as green.
  return status !== 0 && account.failed === 0 ? { ...account, failed: 1 } : account;
}

let passed = 0;
let failed = 0;

function add(runtime: RuntimeName, account: Account): void {
  for (const name of account.skipped) console.log(`${runtime}: skipped ${name}`);
  const refused = values.strict ? account.skipped.length : 0;
  if (refused > 0) console.log(`${runtime}: ${refused} skipped, expected none`);
  console.log(`${runtime}: ${account.passed} passed, ${account.failed} failed`);
  passed += account.passed;
  failed += account.failed + refused;
}

/** Runs some runtimes side by side and tells of one after the other. */
async function runTogether(runtimes: readonly RuntimeName[]): Promise<void> {
  const runs = runtimes.map((runtime) => {
    const output = new HeldOutput();
    return { runtime, output, account: runOn(runtime, output) };
  });
  for (const { runtime, output, account } of runs) {
    console.log(`\n== ${runtime}: ${paths.join(" ")}`);
    output.open();
    add(runtime, await account);
  }
}

const isWanted = (name: RuntimeName): boolean => (values.only ?? name) === name;
await runTogether((["deno", "bun"] as const).filter(isWanted));
if (isWanted("node") && onNode.length > 0) await runTogether(["node"]);
for (const check of values.also) {
  const isGood = check.endsWith(":0");
  console.log(`${check.replace(/:\d+$/, "")}: ${isGood ? "passed" : "failed"}`);
  if (isGood) passed += 1;
  else failed += 1;
}
rmSync(folder, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
