// Pushes numbered events and prints how many were reported settled, until it is killed.
import { writeSync } from "node:fs";
import { openBuffer } from "../../src/buffer/open.ts";
import { event } from "./buffer_files.ts";

const [path = "", durability = "group"] = process.argv.slice(2);
const buffer = await openBuffer({ path, durability: durability === "sync" ? "sync" : "group" });
if (!buffer.capabilities.durable) throw new Error("the child's buffer is not durable");

for (let n = 0;;) {
  for (const end = n + 1 + (n % 40); n < end; n++) buffer.push(event(n));
  // Pushed but never waited for: may be there or not after the kill.
  const waited = n;
  const settled = buffer.settled();
  if (durability === "sync") writeSync(1, `${waited}\n`);
  await settled;
  writeSync(1, `${waited}\n`);
}
