/** The embedded brain that is attacked: prints its address and secrets, ends at SIGTERM. */
import { once } from "node:events";
import process from "node:process";
import { startBrain } from "../../src/brain/mod.ts";
import { consoleLogger } from "../../src/base/logger.ts";

const logger = consoleLogger("error");
const brain = await startBrain({ port: 0, dataDir: process.argv[2] ?? null, logger });
const { port, apiToken, signInUrl } = brain;
const honest = await brain.mint("honest");
const stolen = await brain.mint("stolen");
const up = {
  ...{ port, apiToken, signInUrl, stolen: stolen.token },
  honest: { token: honest.token, secret: honest.hmacSecret },
};
process.stdout.write(`${JSON.stringify(up)}\n`);
await once(process, "SIGTERM");
await brain.close();
process.exit(0);
