import { spawn } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { detectRuntime } from "../../src/platform/detect.ts";

/** A fresh directory that is removed after `use`. */
export async function withTempDir<T>(use: (dir: string) => T | Promise<T>): Promise<T> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "z4j-platform-")));
  try {
    return await use(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** How a child ended and what it printed. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

/** What to run and when to send a signal. */
export interface ChildPlan {
  /** A file beside this one. */
  readonly script: string;
  readonly args: readonly string[];
  /** Permission flags on Deno; default all. */
  readonly denoFlags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Sends the signal each time one of the texts appears first. */
  readonly signals?: readonly { readonly after: string; readonly signal: "SIGTERM" | "SIGINT" }[];
}

const DEADLINE_MS = 20_000;

/** Runs a script on the runtime of this test until it ends. */
export function runChild(plan: ChildPlan): Promise<ChildEnd> {
  const script = fileURLToPath(new URL(plan.script, import.meta.url));
  const runner = detectRuntime() === "deno"
    ? ["run", "--quiet", "--no-check", "--no-prompt", ...(plan.denoFlags ?? ["-A"])]
    : [];
  const child = spawn(process.execPath, [...runner, script, ...plan.args], {
    env: { ...process.env, ...plan.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const waiting = [...(plan.signals ?? [])];
  let output = "";
  const take = (chunk: unknown): void => {
    output += String(chunk);
    while (waiting[0] !== undefined && output.includes(waiting[0].after)) {
      const next = waiting.shift();
      if (next !== undefined && child.pid !== undefined) process.kill(child.pid, next.signal);
    }
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(child.pid, "SIGKILL");
      reject(new Error(`the child did not end: ${output}`));
    }, DEADLINE_MS);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, output });
    });
  });
}
