import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { until } from "./wait.ts";

/** A real process of the current runtime, with its output collected. */
export interface Child {
  readonly pid: number;
  /** Everything it printed so far, both streams. */
  output(): string;
  /** Sends a signal; a child that is gone already is fine. */
  kill(signal: "SIGTERM" | "SIGKILL" | "SIGINT"): void;
  /** Waits for its end; answers the exit status, or `null` after a signal. */
  ended(deadlineMs?: number): Promise<number | null>;
}

/** Runs a TypeScript file on the runtime that runs this test. */
export function runScript(
  file: string,
  options: { readonly args?: readonly string[]; readonly env?: Record<string, string> } = {},
): Child {
  return runCommand(scriptCommand(file, options.args), options.env);
}

/** The command that runs a TypeScript file on the runtime that runs this test. */
export function scriptCommand(file: string, args: readonly string[] = []): readonly string[] {
  const flags = "Deno" in globalThis ? ["run", "-A", "--no-check"] : [];
  return [process.execPath, ...flags, file, ...args];
}

/** Runs a command with this environment and more. */
export function runCommand(
  [program = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Child {
  return watch(spawn(program, args, {
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  }));
}

function watch(child: ChildProcess): Child {
  let text = "";
  let end: { readonly code: number | null } | undefined;
  child.stdout?.on("data", (chunk) => text += String(chunk));
  child.stderr?.on("data", (chunk) => text += String(chunk));
  child.on("exit", (code) => end = { code });
  if (child.pid === undefined) throw new Error("Cannot start a child process");
  const pid = child.pid;
  return {
    pid,
    output: () => text,
    kill(signal) {
      if (end !== undefined) return;
      try {
        // `child.kill` works only once on Deno.
        process.kill(pid, signal);
      } catch {
        // It ended between the check and the signal.
      }
    },
    async ended(deadlineMs = 15_000) {
      return (await until(`end of process ${pid}`, () => end, deadlineMs)).code;
    },
  };
}
