import { posixDeno } from "./deno_global.ts";
import { detectRuntime } from "./detect.ts";
import { isNodeProcessLoaded, nodeProcess } from "./node_process.ts";
import type { RuntimeName } from "./port.ts";
import { openSystem } from "./system.ts";

/** What kind of process this is, as far as it shows from inside. */
export interface ProcessFacts {
  /** Which runtime this is. */
  readonly runtime: RuntimeName;
  /** Path of the script that was started, or `null` in a REPL. */
  readonly mainPath: string | null;
  /** Arguments after the script. */
  readonly args: readonly string[];
  /** The runtime's own test or bench command, if it runs one. */
  readonly runner: "deno test" | "deno bench" | null;
  /** Whether a person types the code. */
  readonly isRepl: boolean;
  /** Whether this is a worker thread or a web worker. */
  readonly isWorkerThread: boolean;
  /** Whether this process has forked workers through `node:cluster`. */
  readonly isClusterPrimary: boolean;
}

interface ClusterLike {
  readonly isPrimary?: boolean;
  readonly workers?: Readonly<Record<string, unknown>> | undefined;
  on(event: "fork", listener: () => void): unknown;
  removeListener(event: "fork", listener: () => void): unknown;
}

/** Looks at the process; reads no file and asks for no permission. */
export function processFacts(globals: object = globalThis): ProcessFacts {
  const runtime = detectRuntime(globals);
  const system = openSystem();
  const mainPath = system.mainPath();
  return {
    runtime,
    mainPath,
    args: system.args(),
    runner: runtime === "deno" ? denoRunner(globals) : null,
    isRepl: isRepl(mainPath),
    isWorkerThread: isWorkerThread(globals),
    isClusterPrimary: hasForked(cluster()),
  };
}

/**
 * Calls back when this process forks a worker through `node:cluster`, or has
 * done so; answers the remover, or `null` as long as nothing has loaded the
 * modules of Node, without which nobody forks: then ask again later.
 */
export function onClusterFork(listener: () => void): (() => void) | null {
  if (!isNodeProcessLoaded()) return null;
  const found = cluster();
  if (found?.isPrimary !== true) return () => {};
  if (hasForked(found)) queueMicrotask(listener);
  found.on("fork", listener);
  return () => void found.removeListener("fork", listener);
}

function hasForked(found: ClusterLike | null): boolean {
  return Object.keys(found?.workers ?? {}).length > 0;
}

function cluster(): ClusterLike | null {
  if (!isNodeProcessLoaded()) return null;
  try {
    const found: unknown = nodeProcess().getBuiltinModule("node:cluster");
    const named = found as { readonly default?: unknown } | undefined;
    return (named?.default ?? named ?? null) as ClusterLike | null;
  } catch {
    return null;
  }
}

// Outside of its runner, Deno has a `Deno.test` that does nothing.
function denoRunner(globals: object): ProcessFacts["runner"] {
  const deno: unknown = Reflect.get(globals, "Deno");
  if (typeof deno !== "object" || deno === null) return null;
  const internal: unknown = Reflect.get(deno, "internal");
  const core: unknown = typeof internal === "symbol" ? Reflect.get(deno, internal) : null;
  const ops = (core as { readonly core?: { readonly ops?: object } } | null)?.core?.ops ?? {};
  if ("op_register_test" in ops) return "deno test";
  if ("op_register_bench" in ops) return "deno bench";
  const test: unknown = Reflect.get(deno, "test");
  return typeof test === "function" && test.name === "test" ? "deno test" : null;
}

// Web workers and the threads of Deno have the scope of a worker; Bun tells it
// itself, where `node:worker_threads` takes 3 ms to load.
function isWorkerThread(globals: object): boolean {
  if (typeof Reflect.get(globals, "WorkerGlobalScope") === "function") return true;
  const { Bun } = globalThis as { readonly Bun?: { readonly isMainThread?: unknown } };
  if (typeof Bun?.isMainThread === "boolean") return !Bun.isMainThread;
  if (posixDeno(globals) !== null) return false;
  return nodeProcess().getBuiltinModule("node:worker_threads").isMainThread === false;
}

function isRepl(mainPath: string | null): boolean {
  if (mainPath === null && posixDeno() === null) {
    const process = nodeProcess();
    const isEval = process.execArgv.some((flag) => /^(-[ep]+|--eval|--print)$/.test(flag));
    return !isEval && (process.stdin.isTTY === true || process.execArgv.includes("-i") ||
      process.execArgv.includes("--interactive"));
  }
  return /\$deno\$repl\.|[/\\]bun-repl([/\\.]|$)/.test(mainPath ?? "");
}
