import { Buffer } from "node:buffer";

/** A call that has ended, in a trace of `strace -f -y -xx`. */
export interface TracedCall {
  readonly thread: string;
  readonly name: string;
  /** Its arguments as strace prints them. */
  readonly inside: string;
  readonly result: number;
  /** Whether strace made it fail. */
  readonly injected: boolean;
}

/** What a call did to a file. */
export type FileChange =
  | {
    readonly kind: "write";
    readonly file: string;
    readonly at: number;
    readonly data: Uint8Array;
  }
  | { readonly kind: "truncate"; readonly file: string; readonly size: number }
  | { readonly kind: "create"; readonly file: string }
  | { readonly kind: "unlink"; readonly file: string };

const LINE = /^(\d+) +(\w+)\((.*)\) += (-?\d+)/;
const UNFINISHED = " <unfinished ...>";
const RESUMED = /^(\d+) +<\.\.\. \w+ resumed>(.*)$/;
const INJECTED = "(INJECTED)";
const BY_PATH: ReadonlySet<string> = new Set(["openat", "unlink", "chmod", "fchmodat"]);

/**
 * The calls of a trace in the order of their ends.
 *
 * @param place Only calls that name this folder; parsing the others takes long.
 */
export function* readCalls(text: string, place?: string): Generator<TracedCall> {
  const needle = place === undefined ? "" : printed(place);
  for (const line of wholeLines(text)) {
    const match = line.includes(needle) ? LINE.exec(line) : null;
    if (match === null) continue;
    const [, thread = "", name = "", inside = "", result = "-1"] = match;
    yield { thread, name, inside, result: Number(result), injected: line.endsWith(INJECTED) };
  }
}

/** The path of the file that a call is about, below a folder. */
export function fileOf({ name, inside }: TracedCall, folder: string): string {
  const bytes = BY_PATH.has(name)
    ? textsOf(inside)[0]
    : bytesOf(/<((?:\\x[0-9a-f]{2})+)>/.exec(inside)?.[1] ?? "");
  const path = new TextDecoder().decode(bytes);
  return path.slice(folder.length + 1).replace(/ \(deleted\)$/, "");
}

/** The text that a call wrote. */
export function writtenText({ inside }: TracedCall): string {
  return new TextDecoder().decode(textsOf(inside)[0]);
}

/** What a call that succeeded changed in a file; `null` for nothing, `undefined` for another call. */
export function changeOf(call: TracedCall, file: string): FileChange | null | undefined {
  const { name, inside, result } = call;
  const last = Number(inside.split(", ").at(-1));
  if (name === "pwrite64") {
    const data = (textsOf(inside)[0] ?? new Uint8Array()).subarray(0, result);
    return { kind: "write", file, at: last, data };
  }
  if (name === "ftruncate") return { kind: "truncate", file, size: last };
  if (name === "unlink") return { kind: "unlink", file };
  if (name === "openat") return inside.includes("O_CREAT") ? { kind: "create", file } : null;
  return undefined;
}

// Another thread's call may lie between the two halves of one.
function* wholeLines(text: string): Generator<string> {
  const begun = new Map<string, string>();
  for (const line of text.split("\n")) {
    if (line.endsWith(UNFINISHED)) {
      begun.set(line.slice(0, line.indexOf(" ")), line.slice(0, -UNFINISHED.length));
      continue;
    }
    const [, thread = "", rest = ""] = RESUMED.exec(line) ?? [];
    const first = begun.get(thread);
    if (first === undefined) yield line;
    else yield first + rest;
    begun.delete(thread);
  }
}

function textsOf(inside: string): Uint8Array[] {
  return [...inside.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = ""]) => bytesOf(hex));
}

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll("\\x", ""), "hex"));
}

function printed(text: string): string {
  return Buffer.from(text).toString("hex").replace(/../g, "\\x$&");
}
