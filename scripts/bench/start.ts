/**
 * What an agent adds to the start of its process: the import of the library
 * and `startAgent()`, with the buffer on disk, which is the default, and in
 * memory; each in a fresh process with a fresh home, in turns; from the
 * sources, as JSR has them, and as packed for npm.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { withFolder } from "./folder.ts";
import { type Figure, figure, median, publish } from "./measure.ts";

const ROUNDS = 11;
const GOAL = { is: "below", value: 60 } as const;
const onDeno = process.versions["bun"] === undefined;

// Nobody listens on port 9; the start does not wait for the brain.
const SETTINGS = {
  Z4J_BRAIN_URL: "http://127.0.0.1:9",
  Z4J_TOKEN: "z4j_agent_start",
  Z4J_PROJECT_ID: "start",
  Z4J_HMAC_SECRET: "A".repeat(43),
  Z4J_DEV_MODE: "1",
  Z4J_LOG_LEVEL: "critical",
};

// How long the main thread has waited for a processor so far; Linux tells it.
const QUEUED = `const queued = async () => {
  const file = "/proc/self/schedstat";
  try {
    const text = globalThis.Deno ? Deno.readTextFileSync(file) : await Bun.file(file).text();
    return Number(text.split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
};
`;

/**
 * A program that prints milliseconds: of the import, of the start, of the dial
 * that follows, and how much of the first two the main thread waited for a processor.
 */
function program(entry: string): string {
  // It imports nothing itself, so that the first `node:` modules are in the figure.
  return `${QUEUED}const before = await queued();
const at = performance.now();
const { startAgent } = await import(${JSON.stringify(pathToFileURL(entry).href)});
const imported = performance.now();
const agent = await startAgent();
const started = performance.now();
const queuedMs = await queued() - before;
if (agent.status().state === "stopped") throw new Error("the agent did not start");
await new Promise((resolve) => agent.on("disconnected", resolve));
const dialled = performance.now();
console.log(JSON.stringify([imported - at, started - imported, dialled - started, queuedMs]));
globalThis.process.exit(0);
`;
}

// What a host pays once for its first `node:` modules, with or without an agent.
const NODE_MODULES = `const at = performance.now();
await import("node:process");
await import("node:fs");
console.log(JSON.stringify([performance.now() - at, 0, 0, 0]));
`;

const EMPTY = "console.log(JSON.stringify([0, 0, 0, 0]));\n";

interface Run {
  readonly importMs: number;
  readonly startMs: number;
  readonly dialMs: number;
  readonly queuedMs: number;
  /** User and system time of the whole process. */
  readonly cpuMs: number;
}

/** Runs a program in a fresh process. */
function run(file: string, env: Readonly<Record<string, string>>): Run {
  const flags = onDeno
    ? ["run", "-A", "--no-check", "--quiet", `--config=${resolve("deno.json")}`]
    : [];
  const timed = [`TIMEFORMAT="%3U %3S"; time "$0" "$@"`, process.execPath, ...flags, file];
  const { status, stdout, stderr } = spawnSync("bash", ["-c", ...timed], {
    encoding: "utf8",
    env: { ...process.env, ...env, NO_COLOR: "1", LC_ALL: "C" },
  });
  if (status !== 0) throw new Error(`Cannot measure ${file}: ${stderr}`);
  const lastOf = (text: string): string => text.trim().split("\n").at(-1) ?? "";
  const [importMs = NaN, startMs = NaN, dialMs = NaN, queuedMs = NaN] = JSON.parse(
    lastOf(stdout),
  );
  const [user = NaN, system = NaN] = lastOf(stderr).split(" ").map(Number);
  return { importMs, startMs, dialMs, queuedMs, cpuMs: (user + system) * 1000 };
}

/** Makes the package that npm gets; answers its entry. */
function pack(folder: string): string {
  const flags = onDeno ? ["run", "-A", "--no-check", "--quiet"] : [];
  execFileSync(process.execPath, [...flags, "scripts/pack_npm.ts", folder], { stdio: "pipe" });
  return join(folder, "core/mod.js");
}

/** Programs by what they show; each has its runs. */
class Contest {
  readonly #folder: string;
  readonly #contestants: { file: string; env: Record<string, string>; runs: Run[] }[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Adds a program; answers its runs, which come later. */
  add(name: string, text: string, env: Record<string, string> = {}): readonly Run[] {
    const file = join(this.#folder, `${name}.ts`);
    writeFileSync(file, text);
    const runs: Run[] = [];
    this.#contestants.push({ file, env, runs });
    return runs;
  }

  /** All in turns: what else the machine does meets each of them alike. */
  hold(rounds: number): void {
    for (let round = 0; round <= rounds; round++) {
      for (const { file, env, runs } of this.#contestants) {
        const home = mkdtempSync(join(this.#folder, "home-"));
        const found = run(file, { ...env, Z4J_HOME: home });
        // The first one fills the runtime's cache of compiled code.
        if (round > 0) runs.push(found);
      }
    }
  }
}

function figuresOf(place: string, runs: readonly Run[], emptyMs: number): Figure[] {
  return [
    figure(`import and start: ${place}`, "ms", runs.map((r) => r.importMs + r.startMs), GOAL),
    figure(
      "the same, less the waits for a processor",
      "ms",
      runs.map((r) => r.importMs + r.startMs - r.queuedMs),
      GOAL,
    ),
    figure("of it the import", "ms", runs.map(({ importMs }) => importMs)),
    figure("then the first dial, refused", "ms", runs.map(({ dialMs }) => dialMs)),
    figure("CPU of all three", "ms", runs.map(({ cpuMs }) => cpuMs - emptyMs)),
  ];
}

await withFolder((folder) => {
  const contest = new Contest(folder);
  const empty = contest.add("empty", EMPTY);
  const nodeModules = contest.add("node_modules", NODE_MODULES);
  const entries = { source: resolve("mod.ts"), packed: pack(join(folder, "npm")) };
  const agents = Object.entries(entries).flatMap(([form, entry]) =>
    (["sqlite", "memory"] as const).map((store) => {
      const env = { ...SETTINGS, Z4J_BUFFER_STORE: store };
      const place = `${form}, buffer ${store === "memory" ? "in memory" : "on disk"}`;
      return { place, runs: contest.add(`${form}_${store}`, program(entry), env) };
    })
  );
  contest.hold(ROUNDS);
  const emptyMs = median(empty.map(({ cpuMs }) => cpuMs));
  const alone = nodeModules.map(({ importMs }) => importMs);
  publish("start", [
    ...agents.flatMap(({ place, runs }) => figuresOf(place, runs, emptyMs)),
    figure("node:process and node:fs alone, without an agent", "ms", alone),
  ], [
    "the runtime's own start is not in it; min is the best round; all programs run in turns",
    "neither engines nor schedulers, a fresh home; the host goes on before the first dial",
    "the code is in the runtime's cache, as after the first run",
    "the start needs no node: modules on Deno but node:sqlite; the first dial loads them",
    "waits for a processor are those of the main thread, on Linux: what a busy machine adds",
    "CPU is user and system time of all threads, less that of an empty program",
  ]);
  return Promise.resolve();
});
