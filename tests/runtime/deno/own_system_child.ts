// Run by own_system.test.ts as a process of its own. It imports nothing of
// `node:`, as a host that is written for Deno alone.
import { startAgent } from "../../../mod.ts";
import { onHangupSignal } from "../../../src/platform/hangup_signal.ts";
import { onIdleEnd } from "../../../src/platform/idle_end.ts";
import { isNodeProcessLoaded } from "../../../src/platform/node_process.ts";

interface DenoGlobal {
  readonly args: readonly string[];
  readonly pid: number;
  kill(pid: number, signal: string): void;
  exit(code: number): never;
}

const { Deno } = globalThis as unknown as { readonly Deno: DenoGlobal };
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const say = (line: string): void => console.log(line);

/** Which modules of Node a start has loaded; the dial follows it at once. */
async function start(): Promise<void> {
  const agent = await startAgent();
  say(`started ${agent.status().state} ${isNodeProcessLoaded()}`);
  Deno.exit(0);
}

/** The end is put off twice, by work of ours and by work of the host. */
function idleEnd(): void {
  let rounds = 0;
  onIdleEnd(() => {
    say(`ours ${++rounds}`);
    if (rounds === 1) setTimeout(() => say("worked"), 10);
  });
  say(`loaded ${isNodeProcessLoaded()}`);
}

function idleEndRemoved(): void {
  onIdleEnd(() => say("ours"))();
  say("removed");
}

async function hangup(): Promise<void> {
  const remove = onHangupSignal(() => say("ours"), undefined, () => false);
  Deno.kill(Deno.pid, "SIGHUP");
  await pause(100);
  say(`loaded ${isNodeProcessLoaded()}`);
  remove();
  Deno.kill(Deno.pid, "SIGHUP");
  await pause(10_000);
}

/** A host that reads the modules of Node after its agent has started, and forks. */
async function lateCluster(): Promise<void> {
  const agent = await startAgent();
  say(`loaded ${isNodeProcessLoaded()}`);
  const { default: cluster } = await import("node:cluster");
  if (!cluster.isPrimary) return;
  const gone = new Promise<void>((resolve) => {
    agent.on("state", ({ to }) => to === "stopped" ? resolve() : undefined);
  });
  cluster.setupPrimary({ args: ["nothing"] });
  const worker = cluster.fork();
  await gone;
  say("stopped in the primary");
  worker.kill("SIGKILL");
}

const modes: Readonly<Record<string, () => unknown>> = {
  start,
  "idle-end": idleEnd,
  "idle-end-removed": idleEndRemoved,
  hangup,
  "late-cluster": lateCluster,
};
await modes[Deno.args[0] ?? ""]?.();
