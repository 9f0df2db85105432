import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { BedBrain } from "../_support/doctor_bed.ts";
import { type CertShop, openCertShop } from "../_support/doctor_certs.ts";
import { BRAIN_KINDS } from "../_support/doctor_child.ts";
import { runStage, stagesFor, startBed } from "../_support/doctor_stage_run.ts";

// Each trouble is brought about for real; both forms of output are read.
for (const kind of BRAIN_KINDS) {
  const format = kind === "stock" ? "text" : "json";
  describe(`doctor: staged troubles, ${kind} brain, ${format}`, () => {
    let brain: BedBrain;
    let certs: CertShop;
    before(async () => {
      certs = openCertShop();
      brain = await startBed(kind);
    });
    after(async () => {
      await brain.close();
      certs.remove();
    });

    for (const stage of stagesFor(kind)) {
      it(`${stage.name}: ${stage.code ?? "no code"}, exit ${stage.exit}`, async () => {
        const { wrong } = await runStage(stage, brain, certs, format);
        assert.deepEqual(wrong, []);
      });
    }
  });
}
