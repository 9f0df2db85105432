import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import process from "node:process";

/** Runtime of a child. */
export type Runtime = "bun" | "deno";

/** What to run. */
export interface ChildOptions {
  readonly runtime: Runtime;
  /** Script, relative to the project. */
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** File for what it prints on stderr; appended. */
  readonly log: string;
}

/** How a child ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A child that can be killed and read line by line. */
export interface ChaosChild {
  /** Its process id; 0 if it could not be started. */
  readonly pid: number;
  /** Resolves when it ended. */
  readonly ended: Promise<ChildEnd>;
  /** The first line that begins like this; `null` when it ends without one, or at the deadline. */
  line(begin: string, deadlineMs?: number): Promise<string | null>;
  /** The last line that begins like this, as JSON; `null` without one. */
  last<T>(begin: string): T | null;
  /** Sends a signal; one that is gone already is fine. */
  kill(signal: "SIGKILL" | "SIGTERM"): void;
}

const DENO_FLAGS = ["run", "-A", "--no-check", "--unstable-kv", "--v8-flags=--expose-gc"];

/** Starts a script with the project's own runtime. */
export function startChild(options: ChildOptions): ChaosChild {
  const { runtime, script, args, env, log } = options;
  const flags = runtime === "deno" ? DENO_FLAGS : [];
  const stderr = openSync(log, "a");
  const child = spawn(`node_modules/.bin/${runtime}`, [...flags, script, ...args], {
    env: { ...baseEnvironment(), ...env },
    stdio: ["ignore", "pipe", stderr],
  });
  closeSync(stderr);
  return watch(child);
}

// Settings of whoever runs this must not reach the children.
function baseEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith("Z4J_"));
  return { ...Object.fromEntries(entries) as Record<string, string>, NO_COLOR: "1" };
}

function watch(child: ChildProcess): ChaosChild {
  const lines: string[] = [];
  let rest = "";
  let over = false;
  const waiters = new Set<() => void>();
  const ring = (): void => waiters.forEach((wake) => wake());
  child.stdout?.on("data", (chunk: Uint8Array) => {
    const parts = (rest + new TextDecoder().decode(chunk)).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
    ring();
  });
  const ended = new Promise<ChildEnd>((resolve, reject) => {
    child.once("error", reject);
    // `close`, not `exit`: everything that it printed has been read.
    child.once("close", (code, signal) => {
      over = true;
      resolve({ code, signal });
      ring();
    });
  });
  return {
    pid: child.pid ?? 0,
    ended,
    line: (begin, deadlineMs) =>
      new Promise((resolve) => {
        const answer = (line: string | null): void => {
          waiters.delete(look);
          clearTimeout(timer);
          resolve(line);
        };
        const timer = deadlineMs === undefined
          ? undefined
          : setTimeout(() => answer(null), deadlineMs);
        const look = (): void => {
          const found = lines.find((line) => line.startsWith(begin));
          if (found !== undefined || over) answer(found ?? null);
        };
        waiters.add(look);
        look();
      }),
    last<T>(begin: string): T | null {
      const line = lines.findLast((one) => one.startsWith(begin));
      return line === undefined ? null : JSON.parse(line) as T;
    },
    kill(signal) {
      if (over || child.pid === undefined) return;
      try {
        // `child.kill` works only once on Deno.
        process.kill(child.pid, signal);
      } catch {
        // It ended between the check and the signal.
      }
    },
  };
}
