import {
  changeOf,
  type FileChange,
  fileOf,
  readCalls,
  type TracedCall,
  writtenText,
} from "../trace_parts/strace_calls.ts";
import type { Mark } from "./marks.ts";
import { MARKS_NAME } from "./marks.ts";

/** One call on a watched file, or a mark of the host. */
export type Call =
  | FileChange
  /** Carried out, or made to fail: then nobody may rely on what it was for. */
  | { readonly kind: "sync"; readonly file: string; readonly failed: boolean }
  | { readonly kind: "mark"; readonly mark: Mark };

/** What one run did on its files. */
export interface Trace {
  readonly calls: readonly Call[];
  /** How often each system call was made on the files, by the thread that made most: strace counts so. */
  readonly counts: Readonly<Record<string, number>>;
  /** How many were made to fail. */
  readonly injected: number;
  /** Position in `calls` of the first that was made to fail. */
  readonly firstFault: number;
}

/** Reads the trace of strace's `-y -xx`. */
export function readTrace(text: string, folder: string): Trace {
  const calls: Call[] = [];
  const counts: Record<string, number> = {};
  const byThread = new Map<string, number>();
  let injected = 0;
  let firstFault = Infinity;
  for (const traced of readCalls(text)) {
    const { thread, name } = traced;
    const file = fileOf(traced, folder);
    const of = `${thread} ${name}`;
    if (file !== MARKS_NAME) byThread.set(of, (byThread.get(of) ?? 0) + 1);
    counts[name] = Math.max(counts[name] ?? 0, byThread.get(of) ?? 0);
    if (traced.injected) {
      injected++;
      firstFault = Math.min(firstFault, calls.length);
    }
    const call = callOf(traced, file);
    if (call !== null) calls.push(call);
  }
  return { calls, counts, injected, firstFault };
}

/** The marks of a host that was not traced: no call is known, none was made to fail. */
export function marksAlone(text: string): Trace {
  const lines = text.split("\n").filter((line) => line !== "");
  const calls = lines.map((line) => ({ kind: "mark" as const, mark: JSON.parse(line) as Mark }));
  return { calls, counts: {}, injected: 0, firstFault: Infinity };
}

function callOf(traced: TracedCall, file: string): Call | null {
  const { name, result, injected } = traced;
  if (name === "fsync" || name === "fdatasync") return { kind: "sync", file, failed: injected };
  if (result < 0) return null;
  if (file !== MARKS_NAME) return changeOf(traced, file) ?? null;
  return name === "openat" ? null : { kind: "mark", mark: JSON.parse(writtenText(traced)) as Mark };
}
