/**
 * A worker without a web framework: runs on Bun, Deno and Node 24.
 *
 *     bun examples/worker/main.ts
 *     deno run -A examples/worker/main.ts
 *     node examples/worker/main.ts
 *
 * Reads the `Z4J_*` variables. It works through a list and ends; the agent
 * delivers what waits at the end of the block.
 */
import { startAgent } from "@z4j/core";
import { manualEngine } from "@z4j/core/engines/manual";

const jobs = manualEngine();
const resize = jobs.task("resize", (image: string) => Promise.resolve(`${image}.small`));

await using agent = await startAgent({ engines: [jobs] });
for (const image of ["a.png", "b.png", "c.png"]) console.log(await resize(image));
console.log(`recorded ${agent.status().events.recorded}`);
