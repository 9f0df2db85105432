import { randomHex } from "../base/ids.ts";
import type { IsGranted } from "./deno_permissions.ts";
import type { DirectoryState, DirectoryTrust } from "./port.ts";
import { codeOf } from "./real_path.ts";
import type { FileFacts, System } from "./system_port.ts";

const OTHERS_WRITE = 0o002;
const GROUP_OR_OTHERS_WRITE = 0o022;
const GROUP_OR_OTHERS = 0o077;

/** What the check needs to know about the system. */
export interface DirectorySystem extends Pick<System, "files" | "paths" | "isWindows"> {
  /** Tells what may be done without asking. */
  readonly isGranted: IsGranted;
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
    makeDirectory(path, system);
    const reason = refusal(path, trust, system);
    return reason === null ? { kind: "usable", path } : unusable(path, reason);
  } catch (error) {
    return unusable(path, codeOf(error));
  }
}

// Not `recursive`: where the system refuses with "no such file" although the
// parent is there, as in /proc, Node would try again for ever.
function makeDirectory(path: string, system: DirectorySystem): void {
  const { files, paths } = system;
  try {
    files.makeDirectory(path, 0o700);
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST" && files.stat(path).isDirectory) return;
    const parent = paths.dirname(path);
    if (code !== "ENOENT" || files.exists(parent)) throw error;
    makeDirectory(parent, system);
    files.makeDirectory(path, 0o700);
  }
}

function refusal(path: string, trust: DirectoryTrust, system: DirectorySystem): string | null {
  const { files, isWindows } = system;
  const state = trust === "ours" ? files.lstat(path) : files.stat(path);
  if (state.isLink) return "it is a symbolic link";
  if (!state.isDirectory) return "it is not a directory";
  const strangers = trust === "ours" ? GROUP_OR_OTHERS_WRITE : OTHERS_WRITE;
  if (!isWindows && (state.mode & strangers) !== 0) return "other users may write to it";
  const probe = writeProbe(path, system);
  if (isWindows || trust !== "ours") return null;
  if (probe.uid !== state.uid) return "it belongs to another user";
  if ((state.mode & GROUP_OR_OTHERS) !== 0) files.setMode(path, 0o700);
  return null;
}

// A file of our own tells which user we are, also where Deno hides the user id.
function writeProbe(directory: string, { files, paths }: DirectorySystem): FileFacts {
  const path = paths.join(directory, `.probe-${randomHex(8)}`);
  files.create(path, 0o600);
  try {
    return files.lstat(path);
  } finally {
    files.remove(path);
  }
}

function unusable(path: string, reason: string): DirectoryState {
  return { kind: "unusable", path, reason };
}
