import { nodeProcess } from "./node_process.ts";

/** Asks this process to end, by the signal that its supervisor would send. */
export function endOwnProcess(): void {
  try {
    const process = nodeProcess();
    process.kill(process.pid, "SIGTERM");
  } catch {
    // A runtime that refuses it leaves the process running; nothing is lost.
  }
}
