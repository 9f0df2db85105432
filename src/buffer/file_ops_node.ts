import { openSystem } from "../platform/system.ts";
import type { FileOps } from "./file_ops.ts";
import { isRemoteMount, mountType } from "./mounts.ts";

// Owner may read and write; nobody else may do anything.
const PRIVATE_MODE = 0o600;

/** The file system of this process, as its platform has it. */
export function loadFileOps(globals: object = globalThis): Promise<FileOps> {
  const { files: fs } = openSystem(globals);
  const ops: FileOps = {
    ensurePrivate(path) {
      try {
        fs.create(path, PRIVATE_MODE);
        return "created";
      } catch (error) {
        if (!hasCode(error, "EEXIST")) throw error;
      }
      if (!fs.lstat(path).isFile) {
        throw new Error("it is a link or no regular file, expected a regular file");
      }
      ops.restrict(path);
      return "existing";
    },
    sharesMemory(path) {
      try {
        const table = fs.readText("/proc/self/mountinfo");
        return !isRemoteMount(mountType(table, fs.realPath(path)));
      } catch {
        // Not Linux, or not readable: nothing speaks against it.
        return true;
      }
    },
    exists: (path) => fs.exists(path),
    restrict: (path) => ignoreMissing(() => fs.setMode(path, PRIVATE_MODE)),
    rename: (from, to) => ignoreMissing(() => fs.rename(from, to)),
    remove: (path) => ignoreMissing(() => fs.remove(path)),
    list: (directory) => orElse(() => fs.list(directory), []),
    identity: (path) => orElse(() => fs.identity(path), null),
    modifiedAt: (path) => orElse(() => fs.modifiedAt(path), null),
    touch: (path) => ignoreMissing(() => fs.setTimes(path, new Date())),
  };
  return Promise.resolve(ops);
}

function ignoreMissing(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

function orElse<T>(ask: () => T, fallback: T): T {
  try {
    return ask();
  } catch {
    return fallback;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
