// Run by node_platform.test.ts as a process of its own: prints what the platform says.
import process from "node:process";
import { createPlatform } from "../../src/platform/node.ts";

const dir = process.argv[2] ?? "";
const platform = createPlatform();
let file = "";
try {
  file = platform.readTextFile(`${dir}/secret`);
} catch (error) {
  file = error instanceof Error ? error.name : "unknown";
}
console.log(JSON.stringify({
  runtime: platform.runtime,
  version: platform.runtimeVersion,
  hostname: platform.hostname,
  env: platform.env(["Z4J_TEST_FACT", "Z4J_TEST_OTHER"]),
  home: platform.homeDir(),
  temp: platform.tempDir(),
  user: platform.userId(),
  file,
  real: platform.realPath(`${dir}/x/../y`),
  directory: platform.ensurePrivateDir(`${dir}/state`),
}));
