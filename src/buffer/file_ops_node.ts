import type { FileOps } from "./file_ops.ts";
import { isRemoteMount, mountType } from "./mounts.ts";

// Owner may read and write; nobody else may do anything.
const PRIVATE_MODE = 0o600;

/** The file system of this process through `node:fs`. */
export async function loadFileOps(): Promise<FileOps> {
  const fs = await import("node:fs");
  const ops: FileOps = {
    ensurePrivate(path) {
      try {
        // Exclusive creation never follows a link that somebody planted.
        fs.closeSync(fs.openSync(path, "wx", PRIVATE_MODE));
        return "created";
      } catch (error) {
        if (!hasCode(error, "EEXIST")) throw error;
      }
      if (!fs.lstatSync(path).isFile()) {
        throw new Error("it is a link or no regular file, expected a regular file");
      }
      ops.restrict(path);
      return "existing";
    },
    sharesMemory(path) {
      try {
        const table = fs.readFileSync("/proc/self/mountinfo", "utf8");
        return !isRemoteMount(mountType(table, fs.realpathSync(path)));
      } catch {
        // Not Linux, or not readable: nothing speaks against it.
        return true;
      }
    },
    exists: (path) => fs.existsSync(path),
    restrict: (path) => ignoreMissing(() => fs.chmodSync(path, PRIVATE_MODE)),
    rename: (from, to) => ignoreMissing(() => fs.renameSync(from, to)),
    remove: (path) => ignoreMissing(() => fs.unlinkSync(path)),
    list: (directory) => orElse(() => fs.readdirSync(directory), []),
    identity(path) {
      return orElse(() => {
        const { dev, ino } = fs.statSync(path, { bigint: true });
        return `${dev}:${ino}`;
      }, null);
    },
    modifiedAt: (path) => orElse(() => fs.statSync(path).mtimeMs, null),
    touch(path) {
      const now = new Date();
      ignoreMissing(() => fs.utimesSync(path, now, now));
    },
  };
  return ops;
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
