/**
 * What a look of the doctor takes: a green run as a process, start of the
 * runtime included; a run into a port that never answers; and its import.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { embeddedBed } from "../../tests/_support/doctor_bed.ts";
import { jsonOf, runDoctorProcess } from "../../tests/_support/doctor_child.ts";
import { startBlackHole } from "../../tests/_support/doctor_peers.ts";
import { withFolder } from "./folder.ts";
import { figure, publish } from "./measure.ts";

const ROUNDS = 7;
const TIMEOUT_SECONDS = 0.5;

/** How long the file says that the import took. */
async function importMs(file: string): Promise<number> {
  const denoFlags = ["-A", `--config=${resolve("deno.json")}`];
  const run = await runDoctorProcess({ path: file, env: {}, denoFlags });
  if (run.code !== 0) throw new Error(`the import failed: ${run.err}`);
  return Number(run.out.trim());
}

await withFolder(async (folder) => {
  const brain = await embeddedBed();
  const hole = await startBlackHole();
  try {
    const { env: agent } = await brain.mint();
    const env = { ...agent, Z4J_HOME: join(folder, "home") };
    mkdirSync(env.Z4J_HOME, { mode: 0o700 });
    const timer = join(folder, "import.ts");
    const entry = pathToFileURL(resolve("src/doctor/mod.ts")).href;
    writeFileSync(
      timer,
      `const at = performance.now();\nawait import(${JSON.stringify(entry)});\n` +
        `console.log(performance.now() - at);\n`,
    );
    const green: number[] = [];
    const inside: number[] = [];
    const late: number[] = [];
    const imports: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const run = await runDoctorProcess({ env, args: ["--json"] });
      if (run.code !== 0) throw new Error(`a green run ended with ${run.code}: ${run.out}`);
      green.push(run.ms);
      inside.push(jsonOf(run).ms);
      const url = `http://127.0.0.1:${hole.port}`;
      const args = ["--json", "--timeout", String(TIMEOUT_SECONDS)];
      late.push((await runDoctorProcess({ env: { ...env, Z4J_BRAIN_URL: url }, args })).ms);
      imports.push(await importMs(timer));
    }
    publish("doctor", [
      figure("green run as a process", "ms", green, { is: "below", value: 1500 }),
      figure("of it the probes", "ms", inside),
      figure("blackholed port, --timeout 0.5", "ms", late, { is: "below", value: 1500 }),
      figure("import in a fresh process", "ms", imports, { is: "below", value: 150 }),
    ], [
      "embedded brain on loopback, every probe but the full hello, one event acknowledged",
      "the process of the import has its code in the runtime's cache, as after the first run",
    ]);
  } finally {
    await hole.close();
    await brain.close();
  }
});
