import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { RuntimeName } from "../bench/measure.ts";
import { runtimeCommand } from "../bench/peer.ts";
import {
  changeOf,
  type FileChange,
  fileOf,
  readCalls,
  type TracedCall,
  writtenText,
} from "../trace_parts/strace_calls.ts";
import { MARKS_NAME, type Synchronous } from "./marks.ts";
import type { Subject } from "./subject.ts";

/** One step of the writer, as the kernel saw it. */
export type Step =
  | FileChange
  | { readonly kind: "sync"; readonly file: string }
  | { readonly kind: "mark"; readonly mark: unknown };

const CALLS = "openat,pwrite64,write,fsync,fdatasync,ftruncate,rename,unlink";
const FLAGS = ["-f", "-y", "-xx", "-s", "1000000", "-e", `trace=${CALLS}`];

/** Runs a writer under strace; its steps on its file and side files, in order. */
export function traceWriter(
  subject: Subject,
  name: string,
  runtime: RuntimeName,
  synchronous: Synchronous,
): Step[] {
  const folder = mkdtempSync(join(tmpdir(), "z4j-crash-"));
  try {
    const place = join(folder, "home");
    mkdirSync(place);
    const log = join(folder, "trace");
    const writer = [...runtimeCommand(runtime), subject.script, place, synchronous, "strace", name];
    runWriter(["strace", ...FLAGS, "-o", log, ...writer]);
    return readTrace(readFileSync(log, "utf8"), place, subject.file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs the command of a writer to its end. */
export function runWriter([command, ...args]: readonly [string, ...string[]]): void {
  execFileSync(command, args, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, NO_COLOR: "1" },
  });
}

/** Reads what concerns a file of `place`, and its side files, out of a trace. */
export function readTrace(text: string, place: string, name: string): Step[] {
  const steps: Step[] = [];
  for (const call of readCalls(text, place)) {
    const step = call.result < 0 ? null : stepOf(call, place, name);
    if (step !== null) steps.push(step);
  }
  return steps;
}

function stepOf(call: TracedCall, place: string, name: string): Step | null {
  const file = fileOf(call, place);
  if (file === MARKS_NAME) return markOf(call);
  if (!file.startsWith(name) || file.endsWith("-shm")) return null;
  if (call.name === "fsync" || call.name === "fdatasync") return { kind: "sync", file };
  const change = changeOf(call, file);
  if (change === undefined) throw new Error(`the trace has an unexpected ${call.name} on ${file}`);
  return change;
}

function markOf(call: TracedCall): Step | null {
  if (call.name !== "write" && call.name !== "pwrite64") return null;
  return { kind: "mark", mark: JSON.parse(writtenText(call)) as unknown };
}
