import type { FsLike } from "./fs_like.ts";

interface FileInfo {
  readonly isFile: boolean;
  readonly dev: number;
  readonly ino: number | null;
  readonly mtime: Date | null;
}

/** The part of `Deno` that is used here; structural, for type checkers without it. */
interface DenoFs {
  readonly build: { readonly os: string };
  openSync(path: string, options: Readonly<Record<string, unknown>>): { close(): void };
  lstatSync(path: string): FileInfo;
  statSync(path: string): FileInfo;
  chmodSync(path: string, mode: number): void;
  renameSync(from: string, to: string): void;
  removeSync(path: string): void;
  readDirSync(path: string): Iterable<{ readonly name: string }>;
  readTextFileSync(path: string): string;
  realPathSync(path: string): string;
  utimeSync(path: string, accessed: Date, modified: Date): void;
}

/**
 * The file system through what Deno has itself, where `node:fs` takes 20 ms to
 * load; `null` on another runtime, and on Windows, where files have no numbers.
 */
export function denoFs(globals: object = globalThis): FsLike | null {
  const { Bun, Deno: fs } = globals as { readonly Bun?: unknown; readonly Deno?: DenoFs };
  if (Bun !== undefined || typeof fs?.lstatSync !== "function" || fs.build.os === "windows") {
    return null;
  }
  return {
    create: (path, mode) => fs.openSync(path, { write: true, createNew: true, mode }).close(),
    isFile: (path) => fs.lstatSync(path).isFile,
    exists(path) {
      try {
        return fs.statSync(path) !== null;
      } catch {
        return false;
      }
    },
    setMode: (path, mode) => fs.chmodSync(path, mode),
    rename: (from, to) => fs.renameSync(from, to),
    remove: (path) => fs.removeSync(path),
    list: (directory) => Array.from(fs.readDirSync(directory), ({ name }) => name),
    readText: (path) => fs.readTextFileSync(path),
    realPath: (path) => fs.realPathSync(path),
    identity(path) {
      const { dev, ino } = fs.statSync(path);
      return `${dev}:${ino}`;
    },
    modifiedAt: (path) => fs.statSync(path).mtime?.getTime() ?? null,
    setTimes: (path, time) => fs.utimeSync(path, time, time),
  };
}
