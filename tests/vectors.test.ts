import { deepStrictEqual as deepEqual, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runVectorFile, vectorFiles } from "../scripts/vectors/run_folder.ts";

const folder = join(dirname(fileURLToPath(import.meta.url)), "vectors");
const FILES = [
  "canonical.json",
  "derive.json",
  "external_schedule.json",
  "frames.json",
  "purge_token.json",
  "redaction.json.gz",
  "replay.json",
  "secret_decode.json",
];

describe("vectors", () => {
  it("vectorFiles() finds every file when the folder is complete", async () => {
    deepEqual(await vectorFiles(folder), FILES);
  });

  for (const file of FILES) {
    it(`runVectorFile() passes every case when it runs ${file}`, async () => {
      const report = await runVectorFile(folder, file);
      console.log(`${file}: ${report.passed} cases`);
      deepEqual(report.failures, []);
      ok(report.passed > 0);
    });
  }
});
