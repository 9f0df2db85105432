import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { randomHex } from "../base/ids.ts";
import { permissionCheck } from "./deno_permissions.ts";
import { codeOf } from "./real_path.ts";

/** What is known of a directory; `null` where the system or a permission hides it. */
export interface DiskFacts {
  /** Whether it is there. */
  readonly exists: boolean;
  /** Mode bits such as `0700`. */
  readonly mode: string | null;
  /** User id of its owner. */
  readonly owner: number | null;
  /** User id of this process. */
  readonly user: number | null;
  /** Bytes that this user may still write. */
  readonly freeBytes: number | null;
  /** The mount table of the system, to find the kind of file system. */
  readonly mounts: string | null;
}

/** Looks at disks; nothing here throws. */
export interface DiskProbe {
  /** Facts about a directory. */
  describe(path: string): DiskFacts;
  /** Writes and syncs some bytes there; `null` when that works, else the system's code. */
  tryWrite(directory: string, bytes: number): string | null;
  /** Text of a file up to a size, or `null`. */
  readText(path: string, maxBytes: number): string | null;
}

/** The disks of this process. */
export function createDiskProbe(): DiskProbe {
  const isGranted = permissionCheck();
  const canRead = (path: string): boolean => isGranted({ name: "read", path });
  return {
    describe(path) {
      const state = canRead(path) ? attempt(() => statSync(path)) : null;
      const hasModes = process.platform !== "win32";
      return {
        exists: state !== null,
        mode: state === null || !hasModes
          ? null
          : `0${(state.mode & 0o7777).toString(8).padStart(3, "0")}`,
        owner: state === null || !hasModes ? null : state.uid,
        user: isGranted({ name: "sys", kind: "uid" })
          ? attempt(() => process.getuid?.() ?? null)
          : null,
        freeBytes: canRead(path) && isGranted({ name: "sys", kind: "statfs" })
          ? freeBytes(path)
          : null,
        mounts: canRead("/proc/self/mountinfo")
          ? attempt(() => readFileSync("/proc/self/mountinfo", "utf8"))
          : null,
      };
    },
    tryWrite(directory, bytes) {
      if (!isGranted({ name: "write", path: directory })) return "no --allow-write permission";
      return tryWrite(join(directory, `.probe-${randomHex(8)}`), bytes);
    },
    readText(path, maxBytes) {
      if (!canRead(path)) return null;
      return attempt(() => {
        const state = statSync(path);
        return state.isFile() && state.size <= maxBytes ? readFileSync(path, "utf8") : null;
      });
    },
  };
}

function freeBytes(path: string): number | null {
  return attempt(() => {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  });
}

function tryWrite(path: string, bytes: number): string | null {
  let file: number | undefined;
  try {
    file = openSync(path, "wx", 0o600);
    const data = new Uint8Array(bytes).fill(0x7a);
    for (let at = 0; at < data.byteLength;) at += writeSync(file, data, at);
    fsyncSync(file);
    return null;
  } catch (error) {
    return systemCode(error);
  } finally {
    if (file !== undefined) {
      closeSync(file);
      attempt(() => unlinkSync(path));
    }
  }
}

// Numbers of Linux and macOS; Deno gives some failures of a write without a code.
const BY_NUMBER: Readonly<Record<string, string>> = { "27": "EFBIG", "28": "ENOSPC" };

function systemCode(error: unknown): string {
  const number = /os error (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
  return BY_NUMBER[number ?? ""] ?? codeOf(error);
}

function attempt<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch {
    return null;
  }
}
