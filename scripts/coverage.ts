/**
 * How much of the folders that a promise rests on their own tests run, on both
 * runtimes. Deno measures lines and branches, Bun lines and functions only.
 *
 *     coverage.ts [--only deno|bun] [--open] [--json FILE]
 *
 * `--open` names the lines whose branches were never taken.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { minutesSince, tellAccount } from "./account_parts/tell.ts";
import { type FileCoverage, percent, readLcov, sumOf } from "./coverage_parts/lcov.ts";
import { explain, PROVED_ELSEWHERE } from "./coverage_parts/proved_elsewhere.ts";

const FOLDERS = ["src/protocol", "src/buffer", "src/agent"] as const;
const TESTS = [
  ...["protocol", "fuzz", "vectors.test.ts", "buffer", "contract", "agent", "faults", "transport"],
  ...["platform", "presence", "install", "settings", "cli", "web", "engines/manual.test.ts"],
  ...["brain/schedules.test.ts", "brain/ingest.test.ts", "e2e/main_job.test.ts"],
].map((name) => `tests/${name}`);
const RUNTIMES = ["deno", "bun"] as const;
type Runtime = typeof RUNTIMES[number];

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    open: { type: "boolean", default: false },
    json: { type: "string" },
  },
});

/** Runs a tool; answers what it printed. */
function run(runtime: Runtime, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(`node_modules/.bin/${runtime}`, args, {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, NO_COLOR: "1" },
  });
  if (status !== 0) {
    const failed = (stdout + stderr).split("\n").filter((line) =>
      /FAILED|\(fail\)|rror:/.test(line)
    );
    console.error(`${runtime} ${args[0]} ended with ${status}\n${failed.slice(0, 20).join("\n")}`);
    process.exitCode = 1;
  }
  return stdout;
}

const REPORTS: Readonly<Record<Runtime, (folder: string) => string>> = {
  deno(folder) {
    const data = join(folder, "deno");
    const inner = [...TESTS, "tests/runtime/deno/kv_store.test.ts"];
    run("deno", ["test", "-A", "--no-check", "--quiet", `--coverage=${data}`, ...inner]);
    return run("deno", ["coverage", "--lcov", data]);
  },
  bun(folder) {
    const paths = TESTS.map((path) => `./${path}`);
    run("bun", [
      ...["test", "--timeout=120000", "--coverage", "--coverage-reporter=lcov"],
      ...[`--coverage-dir=${folder}`, ...paths],
    ]);
    return readFileSync(join(folder, "lcov.info"), "utf8");
  },
};

function measure(runtime: Runtime): readonly FileCoverage[] {
  const folder = mkdtempSync(join(tmpdir(), "z4j-coverage-"));
  try {
    return readLcov(REPORTS[runtime](folder), process.cwd())
      .filter(({ file }) => FOLDERS.some((wanted) => file.startsWith(`${wanted}/`)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Row {
  readonly place: string;
  readonly lines: number | null;
  readonly branches: number | null;
}

function rowOf(place: string, files: readonly FileCoverage[]): Row {
  const { lines, branches } = sumOf(files);
  return { place, lines: percent(lines), branches: percent(branches) };
}

/** How many branches of each file were never taken. */
function openOf(files: readonly FileCoverage[]): ReadonlyMap<string, number> {
  return new Map(
    files.map(({ file, branches }) => [
      file,
      branches === null ? 0 : branches.found - branches.hit,
    ]),
  );
}

const startedMs = performance.now();
const account: Record<string, unknown> = {};
for (const runtime of RUNTIMES.filter((name) => (values.only ?? name) === name)) {
  const files = [...measure(runtime)].sort((a, b) => a.file.localeCompare(b.file));
  const folders = FOLDERS.map((folder) =>
    rowOf(folder, files.filter(({ file }) => file.startsWith(`${folder}/`)))
  );
  console.log(`\n== ${runtime}`);
  console.table([...files.map((one) => rowOf(one.file, [one])), ...folders]);
  if (values.open) {
    for (const { file, openBranches } of files) {
      if (openBranches.length > 0) console.log(`${file}: ${openBranches.join(" ")}`);
    }
  }
  const { lines, branches } = rowOf("", files);
  if (branches === null) console.log(`${runtime} measures lines and functions, no branches`);
  else {
    const { lines: proofs, unexplained } = explain(openOf(files));
    for (const line of proofs) console.log(line);
    account["openBranches"] = unexplained;
    account["provedElsewhere"] = PROVED_ELSEWHERE;
    console.log(`${unexplained} branches are open without a reason`);
  }
  account[runtime] = { lines, ...(branches === null ? {} : { branches }) };
  account[`${runtime}Folders`] = folders;
}
const report = { holds: process.exitCode !== 1, minutes: minutesSince(startedMs), ...account };
tellAccount(report, values.json);
