import { detectRuntime } from "./detect.ts";

/** What Deno knows about a path. */
export interface DenoFileInfo {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isSymlink: boolean;
  readonly size: number;
  readonly mode: number | null;
  readonly uid: number | null;
  readonly dev: number;
  readonly ino: number | null;
  readonly mtime: Date | null;
}

/** The part of `Deno` that stands in for `node:`; structural, for type checkers without it. */
export interface DenoGlobal {
  readonly pid: number;
  readonly version: { readonly deno: string };
  readonly build: { readonly os: string };
  readonly mainModule: string | undefined;
  readonly args: readonly string[];
  readonly env: {
    get(name: string): string | undefined;
    toObject(): Readonly<Record<string, string>>;
  };
  readonly stdin: { isTerminal(): boolean };
  hostname(): string;
  uid(): number | null;
  cwd(): string;
  statSync(path: string): DenoFileInfo;
  lstatSync(path: string): DenoFileInfo;
  mkdirSync(path: string, options: { readonly mode: number }): void;
  openSync(path: string, options: Readonly<Record<string, unknown>>): { close(): void };
  chmodSync(path: string, mode: number): void;
  utimeSync(path: string, accessed: Date, modified: Date): void;
  renameSync(from: string, to: string): void;
  readDirSync(path: string): Iterable<{ readonly name: string }>;
  removeSync(path: string): void;
  readTextFileSync(path: string): string;
  readLinkSync(path: string): string;
  realPathSync(path: string): string;
  addSignalListener(signal: string, handler: () => void): void;
  removeSignalListener(signal: string, handler: () => void): void;
}

/**
 * Deno's own interface, where it serves as well as `node:` does: `null` on the
 * other runtimes, and on Windows, whose paths and signals only `node:` knows.
 */
export function posixDeno(globals: object = globalThis): DenoGlobal | null {
  if (detectRuntime(globals) !== "deno") return null;
  const { Deno } = globals as { readonly Deno: DenoGlobal };
  return Deno.build.os === "windows" ? null : Deno;
}
