import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { MARKS_NAME, type Synchronous } from "./marks.ts";
import type { Subject } from "./subject.ts";

/** Where a writer runs. */
export type Runtime = "bun" | "deno";

/** One step of the writer, as the kernel saw it. */
export type Step =
  | {
    readonly kind: "write";
    readonly file: string;
    readonly at: number;
    readonly data: Uint8Array;
  }
  | { readonly kind: "truncate"; readonly file: string; readonly size: number }
  | { readonly kind: "create"; readonly file: string }
  | { readonly kind: "unlink"; readonly file: string }
  | { readonly kind: "sync"; readonly file: string }
  | { readonly kind: "mark"; readonly mark: unknown };

const CALLS = "openat,pwrite64,write,fsync,fdatasync,ftruncate,rename,unlink";
const FLAGS = ["-f", "-y", "-xx", "-s", "1000000", "-e", `trace=${CALLS}`];

/** The command that runs a script. */
export function commandOf(runtime: Runtime): readonly [string, ...string[]] {
  if (runtime === "bun") return ["node_modules/.bin/bun"];
  return ["node_modules/.bin/deno", "run", "-A", "--no-check"];
}

/** Runs a writer under strace; its steps on its file and side files, in order. */
export function traceWriter(
  subject: Subject,
  name: string,
  runtime: Runtime,
  synchronous: Synchronous,
): Step[] {
  const folder = mkdtempSync(join(tmpdir(), "z4j-crash-"));
  try {
    const place = join(folder, "home");
    mkdirSync(place);
    const log = join(folder, "trace");
    const writer = [...commandOf(runtime), subject.script, place, synchronous, "strace", name];
    execFileSync("strace", [...FLAGS, "-o", log, ...writer], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    return readTrace(readFileSync(log, "utf8"), place, subject.file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Reads what concerns a file of `place`, and its side files, out of a trace. */
export function readTrace(text: string, place: string, name: string): Step[] {
  const needle = hexOf(place);
  const steps: Step[] = [];
  for (const line of wholeLines(text)) {
    if (!line.includes(needle)) continue;
    const step = readLine(line, place, name);
    if (step !== null) steps.push(step);
  }
  return steps;
}

const UNFINISHED = " <unfinished ...>";
const RESUMED = /^(\d+) +<\.\.\. \w+ resumed>(.*)$/;

/** The calls in the order of their ends: another thread's call may lie between the halves. */
function* wholeLines(text: string): Generator<string> {
  const begun = new Map<string, string>();
  for (const line of text.split("\n")) {
    if (line.endsWith(UNFINISHED)) {
      begun.set(line.slice(0, line.indexOf(" ")), line.slice(0, -UNFINISHED.length));
      continue;
    }
    const [, pid = "", rest = ""] = RESUMED.exec(line) ?? [];
    const first = begun.get(pid);
    if (first === undefined) yield line;
    else yield first + rest;
    begun.delete(pid);
  }
}

const LINE = /^\d+ +(\w+)\((.*)\) += (-?\d+)/;

function readLine(line: string, place: string, name: string): Step | null {
  const match = LINE.exec(line);
  const [, call = "", inside = "", result = "-1"] = match ?? [];
  if (match === null || Number(result) < 0) return null;
  const texts = [...inside.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = ""]) =>
    bytesOf(hex)
  );
  const path = call === "openat" || call === "unlink"
    ? new TextDecoder().decode(texts[0])
    : new TextDecoder().decode(bytesOf(/<((?:\\x[0-9a-f]{2})+)>/.exec(inside)?.[1] ?? ""));
  const file = path.slice(place.length + 1).replace(/ \(deleted\)$/, "");
  if (file === MARKS_NAME) return markOf(call, texts[0]);
  if (!file.startsWith(name) || file.endsWith("-shm")) return null;
  const numbers = inside.split(", ").map(Number);
  if (call === "pwrite64") {
    const data = (texts[0] ?? new Uint8Array()).subarray(0, Number(result));
    return { kind: "write", file, at: numbers.at(-1) ?? 0, data };
  }
  if (call === "ftruncate") return { kind: "truncate", file, size: numbers.at(-1) ?? 0 };
  if (call === "unlink") return { kind: "unlink", file };
  if (call === "openat") return inside.includes("O_CREAT") ? { kind: "create", file } : null;
  if (call === "fsync" || call === "fdatasync") return { kind: "sync", file };
  throw new Error(`the trace has an unexpected ${call} on ${file}`);
}

function markOf(call: string, text: Uint8Array | undefined): Step | null {
  if (call !== "write" && call !== "pwrite64") return null;
  return { kind: "mark", mark: JSON.parse(new TextDecoder().decode(text)) as unknown };
}

function hexOf(text: string): string {
  return [...new TextEncoder().encode(text)]
    .map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(
    { length: hex.length / 4 },
    (_, i) => parseInt(hex.slice(i * 4 + 2, i * 4 + 4), 16),
  );
}
