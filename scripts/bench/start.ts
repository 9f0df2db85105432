/**
 * What an agent adds to the start of its process: the import of the library,
 * and `startAgent()` with a buffer in memory and on disk, each in a fresh
 * process; from the sources, as JSR has them, and as packed for npm.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { withFolder } from "./folder.ts";
import { figure, publish } from "./measure.ts";

const ROUNDS = 7;
const GOAL = { is: "below", value: 60 } as const;
const onDeno = process.versions["bun"] === undefined;

/** A program that prints milliseconds: of the import, of the start. */
function program(entry: string, home: string, bufferStore: string): string {
  // Nobody listens on port 9; the start does not wait for the brain.
  const env = {
    Z4J_BRAIN_URL: "http://127.0.0.1:9",
    Z4J_TOKEN: "z4j_agent_start",
    Z4J_PROJECT_ID: "start",
    Z4J_HMAC_SECRET: "A".repeat(43),
    Z4J_DEV_MODE: "1",
    Z4J_HOME: home,
    Z4J_BUFFER_STORE: bufferStore,
    Z4J_LOG_LEVEL: "error",
  };
  // It imports nothing itself, so that the first `node:` modules are in the figure.
  return `const at = performance.now();
const { startAgent } = await import(${JSON.stringify(pathToFileURL(entry).href)});
const imported = performance.now();
const agent = await startAgent({ env: ${JSON.stringify(env)} });
const started = performance.now();
const { state } = agent.status();
if (state === "stopped") throw new Error("the agent did not start");
console.log(JSON.stringify([imported - at, started - imported]));
process.exit(0);
`;
}

// What a host pays once for its first `node:` modules, with or without an agent.
const NODE_MODULES = `const at = performance.now();
await import("node:process");
await import("node:fs");
console.log(JSON.stringify([performance.now() - at, 0]));
`;

/** Runs a program in a fresh process; answers what it printed. */
function run(file: string): readonly [number, number] {
  const flags = onDeno
    ? ["run", "-A", "--no-check", "--quiet", `--config=${resolve("deno.json")}`]
    : [];
  const text = execFileSync(process.execPath, [...flags, file], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  const [imported = NaN, started = NaN] = JSON.parse(text.trim().split("\n").at(-1) ?? "[]");
  return [imported, started];
}

/** Makes the package that npm gets; answers its entry. */
function pack(folder: string): string {
  const flags = onDeno ? ["run", "-A", "--no-check", "--quiet"] : [];
  execFileSync(process.execPath, [...flags, "scripts/pack_npm.ts", folder], { stdio: "pipe" });
  return join(folder, "core/mod.js");
}

await withFolder((folder) => {
  const entries = { source: resolve("mod.ts"), packed: pack(join(folder, "npm")) };
  const figures = Object.entries(entries).flatMap(([form, entry]) =>
    (["memory", "sqlite"] as const).flatMap((store) => {
      const home = join(folder, store);
      mkdirSync(home, { mode: 0o700, recursive: true });
      const file = join(folder, `${form}_${store}.ts`);
      writeFileSync(file, program(entry, home, store));
      run(file); // fills the runtime's cache of compiled code
      const rounds = Array.from({ length: ROUNDS }, () => run(file));
      const place = `${form}, buffer ${store === "memory" ? "in memory" : "on disk"}`;
      return [
        figure(`import and start: ${place}`, "ms", rounds.map(([a, b]) => a + b), GOAL),
        figure("of it the import", "ms", rounds.map(([imported]) => imported)),
      ];
    })
  );
  const plain = join(folder, "plain.ts");
  writeFileSync(plain, NODE_MODULES);
  const rounds = Array.from({ length: ROUNDS }, () => run(plain)[0]);
  figures.push(figure("node:process and node:fs alone, without an agent", "ms", rounds));
  publish("start", figures, [
    "the runtime's own start is not in it; min is the best round",
    "node:process and node:fs are in the import, unless the host has imported them before",
    "neither engines nor schedulers; the start ends before the first dial",
    "the code is in the runtime's cache, as after the first run",
  ]);
  return Promise.resolve();
});
