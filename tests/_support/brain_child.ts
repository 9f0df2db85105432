import process from "node:process";
import { connect, openFixture, wireEvent } from "./brain_peer.ts";

// Writes batches of two events for ever and prints the id of each one acked.
const fixture = await openFixture({ path: process.argv[2] ?? "" });
const peer = await connect(fixture);
const seen = new Set<string>();
for (let i = 0;; i++) {
  const id = `b${i}`;
  const events = ["a", "b"].map((half) => wireEvent({ task_id: `${id}:${half}` }));
  await peer.send("event_batch", id, { events });
  await new Promise((resolve) => setTimeout(resolve, i % 3));
  await peer.read();
  for (const { payload } of peer.frames) {
    const acked = payload["acked_id"];
    if (typeof acked !== "string" || seen.has(acked)) continue;
    seen.add(acked);
    process.stdout.write(`${acked}\n`);
  }
}
