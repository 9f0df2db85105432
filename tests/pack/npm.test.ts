import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { scratch } from "../_support/doctor_bed.ts";
import { onDeno } from "../_support/doctor_child.ts";

describe("the npm packages", () => {
  const folder = scratch();
  const modules = join(folder.path, "node_modules");
  before(() => {
    const run = onDeno ? ["run", "-A", "--no-check"] : [];
    mkdirSync(join(modules, "@z4j"), { recursive: true });
    execFileSync(process.execPath, [...run, "scripts/pack_npm.ts", join(modules, "@z4j")], {
      stdio: "pipe",
    });
    symlinkSync(resolve("node_modules/hono"), join(modules, "hono"));
    writeFileSync(join(folder.path, "package.json"), '{"type":"module"}');
  });
  after(() => folder.remove());

  const program = (path: string, ...args: readonly string[]): ReturnType<typeof spawnSync> =>
    spawnSync(process.execPath, [...(onDeno ? ["run", "-A"] : []), join(modules, path), ...args], {
      cwd: folder.path,
      encoding: "utf8",
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: folder.path,
        NO_COLOR: "1",
        ...(process.env["DENO_DIR"] === undefined ? {} : { DENO_DIR: process.env["DENO_DIR"] }),
      },
    });

  it("bring the programs z4j and z4j-doctor, which run", () => {
    for (const path of ["@z4j/core/bin/z4j.js", "@z4j/doctor/bin/z4j-doctor.js"]) {
      assert.equal(statSync(join(modules, path)).mode & 0o111, 0o111);
    }
    const doctor = program("@z4j/doctor/bin/z4j-doctor.js", "--only", "settings");
    assert.equal(doctor.status, 1, String(doctor.stderr));
    assert.match(String(doctor.stdout), /brain_url is required/);
    // The core has the doctor's files with it.
    const through = program("@z4j/core/bin/z4j.js", "doctor", "--only", "settings");
    assert.equal(through.status, 1, String(through.stderr));
    assert.match(String(through.stdout), /brain_url is required/);
    const status = program("@z4j/core/bin/z4j.js", "status");
    assert.match(String(status.stdout), /No agent runs/);
  });

  it("have types that a strict project takes", () => {
    const source = `import { runDoctor, type DoctorReport } from "@z4j/doctor";
import { createAgent } from "@z4j/core";
import { bullmqEngine } from "@z4j/core/engines/bullmq";
export const report: Promise<DoctorReport> = runDoctor({ timeoutMs: 10 });
export const agent = createAgent({ engines: [bullmqEngine({ queues: [] })] });
`;
    writeFileSync(join(folder.path, "app.ts"), source);
    const compilerOptions = {
      strict: true,
      noEmit: true,
      module: "nodenext",
      target: "esnext",
      lib: ["esnext", "dom"],
      types: [],
    };
    writeFileSync(
      join(folder.path, "tsconfig.json"),
      JSON.stringify({ compilerOptions, files: ["app.ts"] }),
    );
    const checked = spawnSync(resolve("node_modules/.bin/tsc"), ["-p", folder.path], {
      encoding: "utf8",
    });
    assert.equal(checked.status, 0, checked.stdout);
  });
});
