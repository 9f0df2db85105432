// A process of a home: pushes events, says where they are, and lives until it is killed or told.
import { writeSync } from "node:fs";
import process from "node:process";
import { openBuffer } from "../../src/buffer/open.ts";
import { event } from "./buffer_files.ts";

const [path = "", store = "sqlite", count = "0", fingerprint = "p", from = "0"] = process.argv
  .slice(
    2,
  );
const buffer = await openBuffer({
  path,
  store: store === "deno-kv" ? "deno-kv" : "sqlite",
  fingerprint,
  neighbours: true,
});
if (!buffer.capabilities.durable) throw new Error("the child's buffer is not durable");
for (let n = Number(from); n < Number(from) + Number(count); n++) {
  buffer.push(event(n));
  if (n % 500 === 499) await buffer.settled();
}
await buffer.settled();
writeSync(1, `${buffer.capabilities.path}\n`);
const life = setInterval(() => {}, 1_000);
process.stdin.once("data", async () => {
  clearInterval(life);
  await buffer.close();
  process.exit(0);
});
