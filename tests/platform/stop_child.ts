// Run by stop_signal.test.ts as a process of its own. It imports nothing of
// `node:`, so that on Deno the modes differ in whether that was loaded before us.
import { createPlatform } from "../../src/platform/node.ts";
import { openSystem } from "../../src/platform/system.ts";

const [mode] = openSystem().args();
const platform = createPlatform();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const hostHandler = (): void => {
  console.log("host");
  setTimeout(() => {
    console.log("host done");
    process.exit(7);
  }, 300);
};

if (mode === "host-once-first") process.once("SIGTERM", hostHandler);
const remove = platform.onStopSignal(async () => {
  console.log("ours");
  await pause(mode === "patient" ? 9000 : 60);
  console.log("ours done");
});
if (mode === "two") platform.onStopSignal(() => console.log("second"));
if (mode === "throws") {
  platform.onStopSignal(() => {
    throw new Error("boom");
  });
}
if (mode === "host-after") process.on("SIGTERM", hostHandler);
if (mode === "host-once-after") process.once("SIGTERM", hostHandler);
if (mode === "removed") remove();
console.log("ready");
if (mode !== "idle") setTimeout(() => console.log("natural end"), 15_000);
