/**
 * Makes the npm packages `@z4j/core` and `@z4j/doctor`: JavaScript, type
 * declarations, manifests and the programs `z4j` and `z4j-doctor`.
 *
 *     pack_npm.ts [FOLDER]       default: dist/npm
 *
 * The core brings the doctor's files too, so that `z4j doctor` works where only
 * the core is installed.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

const out = resolve(process.argv[2] ?? "dist/npm");
const read = (path: string): Manifest => JSON.parse(readFileSync(path, "utf8")) as Manifest;
const core = read("package.json");
const doctor = read("src/doctor/deno.json");

/** The door of a TypeScript file as Node wants it. */
function conditions(path: string): Readonly<Record<string, string>> {
  const base = path.replace(/\.ts$/, "");
  return { types: `${base}.d.ts`, default: `${base}.js` };
}

function exportsOf(manifest: Manifest): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(manifest.exports).map(([entry, path]) => [entry, conditions(path)]),
  );
}

/** Compiles everything that is published. */
function compile(folder: string): void {
  const scratch = mkdtempSync(join(tmpdir(), "z4j-pack-"));
  try {
    const config = join(scratch, "tsconfig.json");
    const base = JSON.parse(readFileSync("tsconfig.json", "utf8")) as {
      readonly compilerOptions: Readonly<Record<string, unknown>>;
    };
    const compilerOptions = {
      ...base.compilerOptions,
      noEmit: false,
      outDir: folder,
      rootDir: resolve("."),
      declaration: true,
      rewriteRelativeImportExtensions: true,
      typeRoots: [resolve("node_modules/@types")],
    };
    const files = ["mod.ts", "src/doctor/mod.ts", "src/doctor/cli.ts"]
      .concat(Object.values(core.exports)).map((path) => resolve(path));
    writeFileSync(config, JSON.stringify({ compilerOptions, files }));
    execFileSync("node_modules/.bin/tsc", ["-p", config], { stdio: "inherit" });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** A program that runs a function of a door. */
function program(path: string, door: string, call: string): void {
  mkdirSync(join(path, ".."), { recursive: true });
  const text = `#!/usr/bin/env node\nimport { ${call} } from ${
    JSON.stringify(door)
  };\n\nvoid ${call}();\n`;
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

function writeManifest(folder: string, manifest: Readonly<Record<string, unknown>>): void {
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

const { scripts: _scripts, devDependencies: _dev, allowScripts: _allow, ...kept } = core;
const coreFolder = join(out, "core");
const doctorFolder = join(out, "doctor");
for (const folder of [coreFolder, doctorFolder]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
compile(coreFolder);
program(join(coreFolder, "bin/z4j.js"), "../src/cli/program.js", "runCliAsProgram");
writeManifest(coreFolder, { ...kept, exports: exportsOf(core), bin: { z4j: "bin/z4j.js" } });

cpSync(join(coreFolder, "src/doctor"), doctorFolder, { recursive: true });
program(join(doctorFolder, "bin/z4j-doctor.js"), "../program.js", "runAsProgram");
writeManifest(doctorFolder, {
  name: "@z4j/doctor",
  version: doctor.version,
  description: "Finds what keeps the events of an app from arriving at its z4j brain",
  license: kept["license"],
  type: "module",
  engines: kept["engines"],
  exports: exportsOf(doctor),
  bin: { "z4j-doctor": "bin/z4j-doctor.js" },
  dependencies: { "@z4j/core": `^${core.version}` },
});
for (const name of ["README.md", "LICENSE", "CHANGELOG.md"]) {
  if (existsSync(name)) cpSync(name, join(coreFolder, name));
}
cpSync("docs/doctor.md", join(doctorFolder, "README.md"));
cpSync("LICENSE", join(doctorFolder, "LICENSE"));
console.log(`packed ${coreFolder} and ${doctorFolder} at ${core.version}`);
