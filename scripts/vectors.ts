// Runs test vectors: `deno run -A scripts/vectors.ts DIR` or `bun scripts/vectors.ts DIR`.
import process from "node:process";
import { runVectorFile, vectorFiles } from "./vectors/run_folder.ts";

const folder = process.argv[2];
if (folder === undefined) {
  console.error("Usage: vectors DIR");
  process.exit(2);
}

const files = await vectorFiles(folder);
let failed = files.length === 0 ? 1 : 0;
if (files.length === 0) console.error(`${folder} holds no vector files`);
for (const file of files) {
  const report = await runVectorFile(folder, file);
  console.log(`${file}: ${report.passed} passed, ${report.failures.length} failed`);
  for (const failure of report.failures) console.error(`  ${failure}`);
  failed += report.failures.length;
}
process.exit(failed === 0 ? 0 : 1);
