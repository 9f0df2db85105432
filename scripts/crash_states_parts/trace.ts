import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { FILE_NAME, type Mark, MARKS_NAME } from "./promise.ts";

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
  | { readonly kind: "mark"; readonly mark: Mark };

const CALLS = "openat,pwrite64,write,fsync,fdatasync,ftruncate,rename,unlink";
const FLAGS = ["-f", "-y", "-xx", "-s", "1000000", "-e", `trace=${CALLS}`];
const DENO = ["node_modules/.bin/deno", "run", "-A", "--no-check"];

/** Runs the writer under strace; its steps on the buffer's files, in order. */
export function traceWriter(runtime: "bun" | "deno", synchronous: "FULL" | "NORMAL"): Step[] {
  const folder = mkdtempSync(join(tmpdir(), "z4j-crash-"));
  try {
    const place = join(folder, "home");
    mkdirSync(place);
    const command = runtime === "deno" ? DENO : ["node_modules/.bin/bun"];
    const log = join(folder, "trace");
    const script = "scripts/crash_states_parts/writer.ts";
    execFileSync("strace", [...FLAGS, "-o", log, ...command, script, place, synchronous], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    return readTrace(readFileSync(log, "utf8"), place);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Reads what concerns the files of `place` out of a trace. */
export function readTrace(text: string, place: string): Step[] {
  const needle = hexOf(place);
  const steps: Step[] = [];
  for (const line of text.split("\n")) {
    if (!line.includes(needle)) continue;
    if (line.includes("<unfinished")) throw new Error(`the trace is torn: ${line.slice(0, 80)}`);
    const step = readLine(line, place);
    if (step !== null) steps.push(step);
  }
  return steps;
}

const LINE = /^\d+ +(\w+)\((.*)\) += (-?\d+)/;

function readLine(line: string, place: string): Step | null {
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
  if (!file.startsWith(FILE_NAME) || file.endsWith("-shm")) return null;
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
  return { kind: "mark", mark: JSON.parse(new TextDecoder().decode(text)) as Mark };
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
