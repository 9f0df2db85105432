import { Buffer } from "node:buffer";
import type { Mark } from "./marks.ts";
import { MARKS_NAME } from "./marks.ts";

/** One call on a watched file, or a mark of the host. */
export type Call =
  | {
    readonly kind: "write";
    readonly file: string;
    readonly at: number;
    readonly data: Uint8Array;
  }
  | { readonly kind: "truncate"; readonly file: string; readonly size: number }
  | { readonly kind: "create"; readonly file: string }
  | { readonly kind: "unlink"; readonly file: string }
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

const LINE = /^(\d+) +(\w+)\((.*)\) += (-?\d+)/;

/** Reads the trace of strace's `-y -xx`. */
export function readTrace(text: string, folder: string): Trace {
  const calls: Call[] = [];
  const counts: Record<string, number> = {};
  const byThread = new Map<string, number>();
  let injected = 0;
  let firstFault = Infinity;
  for (const line of wholeLines(text)) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const [, thread = "", name = "", inside = "", result = "-1"] = match;
    const file = fileOf(name, inside).slice(folder.length + 1).replace(/ \(deleted\)$/, "");
    const of = `${thread} ${name}`;
    if (file !== MARKS_NAME) byThread.set(of, (byThread.get(of) ?? 0) + 1);
    counts[name] = Math.max(counts[name] ?? 0, byThread.get(of) ?? 0);
    const failed = line.endsWith("(INJECTED)");
    if (failed) {
      injected++;
      firstFault = Math.min(firstFault, calls.length);
    }
    const call = callOf({ name, inside, file, result: Number(result), failed });
    if (call !== null) calls.push(call);
  }
  return { calls, counts, injected, firstFault };
}

/** Puts together what strace cut because another thread called meanwhile. */
function wholeLines(text: string): string[] {
  const begun = new Map<string, string>();
  return text.split("\n").flatMap((line) => {
    const thread = /^\d+/.exec(line)?.[0] ?? "";
    if (line.endsWith("<unfinished ...>")) {
      begun.set(thread, line.slice(0, -"<unfinished ...>".length));
      return [];
    }
    const resumed = /^\d+ +<\.\.\. \w+ resumed>(.*)$/.exec(line);
    return [resumed === null ? line : (begun.get(thread) ?? "") + resumed[1]];
  });
}

/** The marks of a host that was not traced: no call is known, none was made to fail. */
export function marksAlone(text: string): Trace {
  const lines = text.split("\n").filter((line) => line !== "");
  const calls = lines.map((line) => ({ kind: "mark" as const, mark: JSON.parse(line) as Mark }));
  return { calls, counts: {}, injected: 0, firstFault: Infinity };
}

interface Line {
  readonly name: string;
  readonly inside: string;
  readonly file: string;
  readonly result: number;
  readonly failed: boolean;
}

function callOf({ name, inside, file, result, failed }: Line): Call | null {
  if (name === "fsync" || name === "fdatasync") return { kind: "sync", file, failed };
  if (result < 0) return null;
  const last = Number(inside.split(", ").at(-1));
  if (file === MARKS_NAME) {
    if (name === "openat") return null;
    const text = new TextDecoder().decode(bytesOf(texts(inside)[0] ?? ""));
    return { kind: "mark", mark: JSON.parse(text) as Mark };
  }
  switch (name) {
    case "pwrite64": {
      const data = bytesOf(texts(inside)[0] ?? "").subarray(0, result);
      return { kind: "write", file, at: last, data };
    }
    case "ftruncate":
      return { kind: "truncate", file, size: last };
    case "unlink":
      return { kind: "unlink", file };
    case "openat":
      return inside.includes("O_CREAT") ? { kind: "create", file } : null;
    default:
      return null;
  }
}

function fileOf(name: string, inside: string): string {
  const byPath = name === "openat" || name === "unlink" || name === "chmod" || name === "fchmodat";
  const hex = byPath ? texts(inside)[0] : /<((?:\\x[0-9a-f]{2})+)>/.exec(inside)?.[1];
  return new TextDecoder().decode(bytesOf(hex ?? ""));
}

function texts(inside: string): string[] {
  return [...inside.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = ""]) => hex);
}

function bytesOf(hex: string): Uint8Array {
  return Buffer.from(hex.replaceAll("\\x", ""), "hex");
}
