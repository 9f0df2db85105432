import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
  statSync,
  unlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { randomHex } from "../base/ids.ts";
import type { IsGranted } from "./deno_permissions.ts";
import type { DirectoryState, DirectoryTrust } from "./port.ts";
import { codeOf } from "./real_path.ts";

const OTHERS_WRITE = 0o002;
const GROUP_OR_OTHERS_WRITE = 0o022;
const GROUP_OR_OTHERS = 0o077;

/** What the check needs to know about the system. */
export interface DirectorySystem {
  /** Tells what may be done without asking. */
  readonly isGranted: IsGranted;
  /** Whether files have owners and mode bits. */
  readonly hasModes: boolean;
}

/** Creates the directory if needed; see `Platform.ensurePrivateDir`. */
export function ensureDirectory(
  path: string,
  trust: DirectoryTrust,
  system: DirectorySystem,
): DirectoryState {
  for (const name of ["read", "write"] as const) {
    if (!system.isGranted({ name, path })) return unusable(path, `no --allow-${name} permission`);
  }
  try {
    makeDirectory(path);
    const reason = refusal(path, trust, system);
    return reason === null ? { kind: "usable", path } : unusable(path, reason);
  } catch (error) {
    return unusable(path, codeOf(error));
  }
}

// Not `recursive`: where the system refuses with "no such file" although the
// parent is there, as in /proc, Node would try again for ever.
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || existsSync(parent)) throw error;
    makeDirectory(parent);
    mkdirSync(path, { mode: 0o700 });
  }
}

function refusal(path: string, trust: DirectoryTrust, system: DirectorySystem): string | null {
  const state = trust === "ours" ? lstatSync(path) : statSync(path);
  if (state.isSymbolicLink()) return "it is a symbolic link";
  if (!state.isDirectory()) return "it is not a directory";
  const strangers = trust === "ours" ? GROUP_OR_OTHERS_WRITE : OTHERS_WRITE;
  if (system.hasModes && (state.mode & strangers) !== 0) return "other users may write to it";
  const probe = writeProbe(path);
  if (!system.hasModes || trust !== "ours") return null;
  if (probe.uid !== state.uid) return "it belongs to another user";
  if ((state.mode & GROUP_OR_OTHERS) !== 0) chmodSync(path, 0o700);
  return null;
}

// A file of our own tells which user we are, also where Deno hides the user id.
function writeProbe(directory: string): Stats {
  const path = join(directory, `.probe-${randomHex(8)}`);
  closeSync(openSync(path, "wx", 0o600));
  try {
    return lstatSync(path);
  } finally {
    unlinkSync(path);
  }
}

function unusable(path: string, reason: string): DirectoryState {
  return { kind: "unusable", path, reason };
}
