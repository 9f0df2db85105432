/** The Python agent z4j-bare 1.13.0, where the stock brain is installed. */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import process from "node:process";
import type { TaskEvent } from "../../src/engines/contract.ts";
import type { BrainAccess } from "./brain.ts";
import { type Peer, startProcess } from "./peer.ts";

/** What it says when it is ready. */
export interface PythonReady {
  readonly version: string;
}

/** An access where nobody answers, on loopback. */
export const NOBODY: BrainAccess = {
  baseUrl: "http://127.0.0.1:9",
  token: "nobody",
  hmacSecret: "A".repeat(43),
  project: "bench",
};

/** The interpreter that has z4j-bare, or why there is none. */
export function findPython(): { readonly path: string } | { readonly missing: string } {
  const stock = process.env["Z4J_BIN"];
  const named = process.env["Z4J_AGENT_PYTHON"];
  if (stock === undefined && named === undefined) return { missing: "Z4J_BIN is not set" };
  const path = named ?? join(dirname(stock ?? ""), "python");
  const found = spawnSync(path, ["-c", "import z4j_bare"]).status === 0;
  return found ? { path } : { missing: `${path} has no z4j-bare: pip install z4j-bare==1.13.0` };
}

/** Starts the Python agent and waits for its session, unless nobody answers. */
export function startPython(
  python: string,
  home: string,
  access: BrainAccess,
): Promise<Peer<PythonReady>> {
  const script = "scripts/bench/python_agent.py";
  return startProcess([python, script, home, JSON.stringify(access)], isReady);
}

/** A line for the Python agent; events as its engine adapter would report them. */
export function pythonWord(
  word: "drain" | "burst" | "pace",
  events: readonly TaskEvent[],
  ...rest: readonly number[]
): string {
  const reported = events.map(({ kind, taskId, data }) => ({ kind, taskId, data }));
  return JSON.stringify([word, reported, ...rest]);
}

function isReady(value: unknown): value is PythonReady {
  return typeof (value as Partial<PythonReady> | null)?.version === "string";
}
